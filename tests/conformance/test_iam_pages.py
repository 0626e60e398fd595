"""IAM's lists in pages: every entity once, whatever the page's size, also when entities come and go between pages."""

import json

import pytest

from conftest import allow

TRUST = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}]})


@pytest.fixture(scope="module")
def account(server):
    iam = server.client("iam")
    document = json.dumps(allow("s3:GetObject"))
    held = iam.create_policy(PolicyName="Held", Path="/p/", PolicyDocument=document)["Policy"]["Arn"]
    bound = iam.create_policy(PolicyName="Bound", PolicyDocument=document)["Policy"]["Arn"]
    aws = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    for number in range(7):
        path = "/even/" if number % 2 == 0 else "/"
        iam.create_role(RoleName=f"Role-{number}", Path=path, AssumeRolePolicyDocument=TRUST, PermissionsBoundary=bound)
        iam.attach_role_policy(RoleName=f"Role-{number}", PolicyArn=held)
        iam.create_user(UserName=f"user-{number}", Path=path)
        iam.attach_user_policy(UserName=f"user-{number}", PolicyArn=aws)
        iam.create_group(GroupName=f"group-{number}", Path=path)
        iam.attach_group_policy(GroupName=f"group-{number}", PolicyArn=held)
        iam.add_user_to_group(GroupName="group-0", UserName=f"user-{number}")
        iam.create_policy(PolicyName=f"policy-{number}", Path=path, PolicyDocument=document)
    return {"iam": iam, "held": held, "bound": bound, "aws": aws}


def pages(call, size, lists, **arguments):
    """The names of each list over all pages; each page is as large as it may be, but for the last."""
    found, marker = {name: [] for name, _ in lists}, {}
    while True:
        answer = call(MaxItems=size, **arguments, **marker)
        count = 0
        for name, key in lists:
            found[name] += [one[key] for one in answer[name]]
            count += len(answer[name])
        if not answer["IsTruncated"]:
            assert "Marker" not in answer
            return found
        assert count == size
        marker = {"Marker": answer["Marker"]}


LISTS = {
    "list_roles": ([("Roles", "RoleName")], {}), "list_users": ([("Users", "UserName")], {}), "list_groups": ([("Groups", "GroupName")], {}),
    "list_policies": ([("Policies", "Arn")], {}),
    "get_account_authorization_details": (
        [("UserDetailList", "UserName"), ("GroupDetailList", "GroupName"), ("RoleDetailList", "RoleName"), ("Policies", "Arn")], {}),
    "list_entities_for_policy": ([("PolicyGroups", "GroupName"), ("PolicyRoles", "RoleName"), ("PolicyUsers", "UserName")], {"PolicyArn": "held"}),
    "get_group": ([("Users", "UserName")], {"GroupName": "group-0"}),
}


@pytest.mark.parametrize("operation", LISTS)
def test_every_page_size_finds_the_same(account, operation):
    lists, arguments = LISTS[operation]
    arguments = {name: account.get(value, value) for name, value in arguments.items()}
    call = getattr(account["iam"], operation)
    whole = pages(call, 1000, lists, **arguments)
    for member, names in whole.items():
        assert len(names) == len(set(names)) and (member == "Policies" or names == sorted(names, key=str.lower))
    for size in (1, 2, 3, 7) if operation != "list_policies" else (50, 333):
        assert pages(call, size, lists, **arguments) == whole
    assert sum(len(names) for names in whole.values()) >= 7


def test_filters_and_pages(account):
    iam, held, bound = account["iam"], account["held"], account["bound"]
    names = lambda **more: pages(iam.list_policies, 2, [("Policies", "PolicyName")], **more)["Policies"]
    assert names(Scope="Local", PathPrefix="/even/") == ["policy-0", "policy-2", "policy-4", "policy-6"]
    assert names(Scope="Local", OnlyAttached=True) == ["Held"]
    assert names(OnlyAttached=True) == ["Held", "ReadOnlyAccess"]
    assert names(Scope="Local", PolicyUsageFilter="PermissionsBoundary") == ["Bound"]
    assert len(pages(iam.list_policies, 400, [("Policies", "PolicyName")], Scope="AWS")["Policies"]) > 1000
    assert pages(iam.list_roles, 1, [("Roles", "RoleName")], PathPrefix="/even/")["Roles"] == ["Role-0", "Role-2", "Role-4", "Role-6"]
    of = lambda **more: pages(iam.list_entities_for_policy, 2, LISTS["list_entities_for_policy"][0], **more)
    assert of(PolicyArn=held, EntityFilter="Role") == {"PolicyGroups": [], "PolicyUsers": [], "PolicyRoles": [f"Role-{number}" for number in range(7)]}
    assert of(PolicyArn=bound, PolicyUsageFilter="PermissionsPolicy") == {"PolicyGroups": [], "PolicyUsers": [], "PolicyRoles": []}
    assert len(of(PolicyArn=bound, PolicyUsageFilter="PermissionsBoundary")["PolicyRoles"]) == 7
    assert of(PolicyArn=held, PathPrefix="/even/")["PolicyGroups"] == ["group-0", "group-2", "group-4", "group-6"]
    details = lambda kind: pages(iam.get_account_authorization_details, 2, LISTS["get_account_authorization_details"][0], Filter=[kind])
    assert [one.rsplit("/", 1)[1] for one in details("AWSManagedPolicy")["Policies"]] == ["ReadOnlyAccess"]
    assert len(details("LocalManagedPolicy")["Policies"]) == 9
    for bad in ("%%", "bm9uc2Vuc2U="):
        with pytest.raises(iam.exceptions.ClientError):
            iam.list_policies(Marker=bad)


def test_counts_follow_what_hangs_where(account):
    iam, held, bound, aws = (account[name] for name in ("iam", "held", "bound", "aws"))
    counts = lambda arn: tuple(iam.get_policy(PolicyArn=arn)["Policy"][name] for name in ("AttachmentCount", "PermissionsBoundaryUsageCount"))
    assert (counts(held), counts(bound), counts(aws)) == ((14, 0), (0, 7), (7, 0))
    iam.detach_role_policy(RoleName="Role-1", PolicyArn=held)
    iam.delete_role_permissions_boundary(RoleName="Role-1")
    iam.update_user(UserName="user-1", NewUserName="renamed-1")
    iam.update_group(GroupName="group-0", NewGroupName="renamed-0")
    assert (counts(held), counts(bound), counts(aws)) == ((13, 0), (0, 6), (7, 0))
    assert pages(iam.get_group, 3, [("Users", "UserName")], GroupName="renamed-0")["Users"] == [
        "renamed-1", "user-0", "user-2", "user-3", "user-4", "user-5", "user-6"]
    assert "renamed-1" in pages(iam.list_entities_for_policy, 3, LISTS["list_entities_for_policy"][0], PolicyArn=aws)["PolicyUsers"]
    iam.delete_role(RoleName="Role-1")
    for policy in (held, bound):
        with pytest.raises(iam.exceptions.DeleteConflictException):
            iam.delete_policy(PolicyArn=policy)
    with pytest.raises(iam.exceptions.DeleteConflictException):
        iam.delete_group(GroupName="renamed-0")
    summary = iam.get_account_summary()["SummaryMap"]
    assert (summary["Roles"], summary["Users"], summary["Groups"], summary["Policies"], summary["PolicyVersionsInUse"]) == (6, 7, 7, 9, 9)


def test_an_entity_that_comes_or_goes_between_pages(account):
    iam = account["iam"]
    first = iam.list_roles(MaxItems=2)
    iam.create_role(RoleName="Role-0-and-a-half", AssumeRolePolicyDocument=TRUST)
    iam.create_role(RoleName="Zulu", AssumeRolePolicyDocument=TRUST)
    last_of_first = first["Roles"][-1]["RoleName"]
    iam.detach_role_policy(RoleName=last_of_first, PolicyArn=account["held"])
    iam.delete_role(RoleName=last_of_first)  # the marker's own
    rest = iam.list_roles(MaxItems=1000, Marker=first["Marker"])
    assert [one["RoleName"] for one in rest["Roles"]] == ["Role-3", "Role-4", "Role-5", "Role-6", "Zulu"]


def test_a_restarted_server_counts_the_same(make_server):
    server = make_server()
    iam = server.client("iam")
    policy = iam.create_policy(PolicyName="P", PolicyDocument=json.dumps(allow("s3:GetObject")))["Policy"]["Arn"]
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST, PermissionsBoundary=policy)
    iam.create_user(UserName="u")
    iam.create_group(GroupName="g")
    iam.add_user_to_group(GroupName="g", UserName="u")
    iam.attach_group_policy(GroupName="g", PolicyArn=policy)
    server.stop()
    iam = server.start().client("iam")
    found = iam.get_policy(PolicyArn=policy)["Policy"]
    assert (found["AttachmentCount"], found["PermissionsBoundaryUsageCount"]) == (1, 1)
    assert [one["UserName"] for one in iam.get_group(GroupName="g")["Users"]] == ["u"]
