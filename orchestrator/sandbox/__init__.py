"""The sandbox: a whole AWS on this machine, to rehearse an estate with no account.

    server      the embedded AWS, a process of its own
    gateway     what answers on its port: moto with its extensions, and the module registry
    control     starts, finds and stops that process
    provider    where Terraform gets the AWS provider from
    workspace   the copy of the estate that Terraform runs in
    target      the four put together: a `Target` that the engine takes like any other

Real Terraform and the real AWS provider run in it. Nothing of the shell's credentials gets in, and nothing of the
sandbox gets out: it works on a copy, with keys that no account knows, below `.wealist/sandbox`.
"""
