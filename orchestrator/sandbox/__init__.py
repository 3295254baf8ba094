"""The sandbox: a whole AWS on this machine, to rehearse an estate with no account.

    server      the embedded AWS, a process of its own
    gateway     what answers on its port: moto with its extensions, and the module registry
    listener    the HTTP server, and `replay`, which does a call once that a client sends twice
    door        who may call it; `credential` is what it takes
    control     starts, finds and stops that process
    provider    where Terraform gets the AWS provider from
    workspace   the copy of the estate that Terraform runs in
    confinement  what in the HCL could lead out of it
    disposal     what is removed when it stops
    target      all of it put together: a `Target` that the engine takes like any other

Real Terraform and the real AWS provider run in it. Nothing of the shell's credentials gets in, and nothing of the
sandbox gets out: it works on a copy, with keys of its own, below `.wealist/sandbox`.
"""
