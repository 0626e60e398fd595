"""IAM's lists in an account of 10,000 roles: the server's processor time a page (user and system, from /proc), which a busy machine changes
little. Usage: lists.py [BINARY] [ROLES]. `make bench` runs it on the release build.

Development builds of one busy machine, milliseconds of processor time, before lists were sought and after: ListRoles 25.5 and 0.6,
ListEntitiesForPolicy 126 and 0.5, GetAccountAuthorizationDetails 51 and 0.9, ListPolicies of AWS 5.5 and 0.8, GetPolicy 3.4 and 0.2.
"""
import concurrent.futures
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import boto3
import botocore.config

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "build/release/trainwarden")
ROLES = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
PAGES = 20  # of each list
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
ALLOW = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]})


def processor_seconds(process):
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(process, what, call):
    call()
    sizes, before, began = [], processor_seconds(process), time.monotonic()
    # Clock ticks are 10 ms: long enough that they do not matter.
    while time.monotonic() - began < 3 or len(sizes) < PAGES:
        sizes.append(call())
    spent = (processor_seconds(process) - before) * 1000 / len(sizes)
    print(f"  {what}: {spent:.2f} ms of processor time a page of {statistics.median(sizes):.0f}", flush=True)


def main():
    with tempfile.TemporaryDirectory(prefix="trainwarden-bench-") as folder:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
        environment.update(HOME=folder, XDG_CONFIG_HOME=f"{folder}/config")
        process = subprocess.Popen([BINARY, "serve", "--data", f"{folder}/data", "--listen", "127.0.0.1:0", "--ready-file", f"{folder}/ready",
                                    "--training-isolation", "process"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            for _ in range(600):
                if os.path.exists(f"{folder}/ready"):
                    break
                time.sleep(0.1)
            keys = dict(line.split(" = ") for line in pathlib.Path(f"{folder}/data/root-credentials").read_text().splitlines() if " = " in line)
            iam = boto3.client("iam", endpoint_url=pathlib.Path(f"{folder}/ready").read_text().strip(), region_name="us-east-1",
                               aws_access_key_id=keys["aws_access_key_id"], aws_secret_access_key=keys["aws_secret_access_key"],
                               config=botocore.config.Config(max_pool_connections=8, retries={"total_max_attempts": 1}))
            policy = iam.create_policy(PolicyName="Held", PolicyDocument=ALLOW)["Policy"]["Arn"]

            def make(number):
                iam.create_role(RoleName=f"role-{number:06}", AssumeRolePolicyDocument=TRUST)
                iam.attach_role_policy(RoleName=f"role-{number:06}", PolicyArn=policy)

            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                list(pool.map(make, range(ROLES)))
            print(f"IAM lists, {ROLES} roles with one policy each")
            far = iam.list_roles(MaxItems=1000)
            while far["IsTruncated"] and len(far["Roles"]) and far["Roles"][-1]["RoleName"] < f"role-{ROLES // 2:06}":
                far = iam.list_roles(MaxItems=1000, Marker=far["Marker"])
            middle = {"Marker": far["Marker"]} if far["IsTruncated"] else {}
            measure(process, "ListRoles, first page", lambda: len(iam.list_roles(MaxItems=100)["Roles"]))
            measure(process, "ListRoles, in the middle", lambda: len(iam.list_roles(MaxItems=100, **middle)["Roles"]))
            measure(process, "ListEntitiesForPolicy", lambda: len(iam.list_entities_for_policy(PolicyArn=policy, MaxItems=100)["PolicyRoles"]))
            measure(process, "ListPolicies of AWS", lambda: len(iam.list_policies(Scope="AWS", MaxItems=100)["Policies"]))
            measure(process, "ListPolicies of the account", lambda: len(iam.list_policies(Scope="Local", MaxItems=100)["Policies"]))
            measure(process, "GetPolicy", lambda: len([iam.get_policy(PolicyArn=policy)["Policy"]]))
            measure(process, "GetAccountAuthorizationDetails", lambda: len(iam.get_account_authorization_details(MaxItems=100)["RoleDetailList"]))
            measure(process, "GetAccountSummary", lambda: len([iam.get_account_summary()]))
        finally:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    main()
