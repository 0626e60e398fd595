"""Where a virtual environment has pulumi_aws."""


def of(environment):
    return next(environment.glob("lib/python3*/site-packages/pulumi_aws"))
