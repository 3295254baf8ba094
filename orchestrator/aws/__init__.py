"""AWS as far as wealist needs it: the identity, the state bucket and lock table, state objects, locks and secrets.

Every call goes through a `Session`, which is made from `AwsSettings` and so reaches either AWS or the sandbox, and
every failure comes back as an error of our own with AWS's code in it.
"""
