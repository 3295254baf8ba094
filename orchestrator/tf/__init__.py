"""Terraform as a value in, value out affair.

`args` builds argv and runs nothing; `env` builds the child's environment; `process` runs an argv and knows nothing of
Terraform; `client` puts the three together, one method a sub-command.
"""
