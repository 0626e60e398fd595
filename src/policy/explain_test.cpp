// The words for decisions: AWS's sentence for each kind of refusal, and our own explanation of it.
#include "policy/explain.hpp"

#include <doctest/doctest.h>

#include "policy/evaluate.hpp"

using namespace policy;

namespace {

constexpr const char* john = "arn:aws:iam::123456789012:user/John";

Request asking(std::string action, std::string resource = "*") {
    Request request{.action = std::move(action), .resource = std::move(resource)};
    request.principal = {.kind = PrincipalKind::user, .account = "123456789012", .arn = john, .user_arn = john};
    return request;
}

Request asking_as_role(std::string action, std::string resource) {
    Request request = asking(std::move(action), std::move(resource));
    request.principal = {.kind = PrincipalKind::role_session,
                         .account = "123456789012",
                         .arn = "arn:aws:sts::123456789012:assumed-role/Trainer/run-7",
                         .unique_id = "AROATRAINER:run-7",
                         .role_arn = "arn:aws:iam::123456789012:role/Trainer",
                         .role_id = "AROATRAINER"};
    return request;
}

Decision missing(Layer layer) {
    Decision decision;
    decision.layer = layer;
    decision.missing = {layer};
    return decision;
}

Decision denied(Layer layer, std::string policy_name = "inline policy p of user John") {
    Decision decision;
    decision.outcome = Outcome::explicit_deny;
    decision.layer = layer;
    decision.because.push_back({layer, std::move(policy_name), 0, {"No", Effect::deny, {2, 5}}});
    return decision;
}

AttachedPolicy attached(const char* document, PolicyKind kind, std::string name, std::string version = "") {
    auto parsed = Policy::parse(document, kind);
    REQUIRE(parsed);
    return {*parsed, std::move(name), std::move(version)};
}

}  // namespace

TEST_CASE("the examples of `Troubleshoot access denied error messages`, each kind of policy, implicit and explicit") {
    const std::string user = std::string("User: ") + john + " is not authorized to perform: ";
    const auto list = asking("codecommit:ListRepositories");
    const auto deployments = asking("codedeploy:ListDeployments", "arn:aws:codedeploy:us-east-1:123456789012:deploymentgroup:*");
    const auto secret = asking("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:us-east-1:123456789012:secret:*");
    const std::string on_group = " on resource: arn:aws:codedeploy:us-east-1:123456789012:deploymentgroup:*";
    const std::string on_secret = " on resource: arn:aws:secretsmanager:us-east-1:123456789012:secret:*";
    const auto role = asking("sts:AssumeRole", "arn:aws:iam::123456789012:role/R");
    // The guide's sentences, but for its slips: an action misspelt, and "a sessions policy".
    struct Row {
        Request request;
        Decision decision;
        std::string sentence;
    };
    const Row rows[] = {
        {list, missing(Layer::service_control),
         "codecommit:ListRepositories because no service control policy allows the codecommit:ListRepositories action"},
        {list, denied(Layer::service_control), "codecommit:ListRepositories with an explicit deny in a service control policy"},
        {secret, denied(Layer::resource_control),
         "secretsmanager:GetSecretValue" + on_secret + " with an explicit deny in a resource control policy"},
        {secret, missing(Layer::resource_control),
         "secretsmanager:GetSecretValue" + on_secret +
             " because no resource control policy allows the secretsmanager:GetSecretValue action"},
        {list, missing(Layer::vpc_endpoint),
         "codecommit:ListRepositories because no VPC endpoint policy allows the codecommit:ListRepositories action"},
        {deployments, denied(Layer::vpc_endpoint),
         "codedeploy:ListDeployments" + on_group + " with an explicit deny in a VPC endpoint policy"},
        {deployments, missing(Layer::boundary),
         "codedeploy:ListDeployments" + on_group +
             " because no permissions boundary allows the codedeploy:ListDeployments action"},
        {asking("sagemaker:ListModels"), denied(Layer::boundary),
         "sagemaker:ListModels with an explicit deny in a permissions boundary"},
        {list, missing(Layer::session),
         "codecommit:ListRepositories because no session policy allows the codecommit:ListRepositories action"},
        {deployments, denied(Layer::session),
         "codedeploy:ListDeployments" + on_group + " with an explicit deny in a session policy"},
        {asking("secretsmanager:GetSecretValue"), missing(Layer::resource),
         "secretsmanager:GetSecretValue because no resource-based policy allows the secretsmanager:GetSecretValue action"},
        {secret, denied(Layer::resource),
         "secretsmanager:GetSecretValue" + on_secret + " with an explicit deny in a resource-based policy"},
        {role, missing(Layer::resource),
         "sts:AssumeRole on resource: arn:aws:iam::123456789012:role/R because no role trust policy allows the sts:AssumeRole "
         "action"},
        {role, denied(Layer::resource),
         "sts:AssumeRole on resource: arn:aws:iam::123456789012:role/R with an explicit deny in the role trust policy"},
        {list, missing(Layer::identity),
         "codecommit:ListRepositories because no identity-based policy allows the codecommit:ListRepositories action"},
        {deployments, denied(Layer::identity),
         "codedeploy:ListDeployments" + on_group + " with an explicit deny in an identity-based policy"},
    };
    for (const Row& row : rows) CHECK(denial_message(row.request, row.decision) == user + row.sentence);
}

TEST_CASE("the ARN of a managed policy that denies is told, to callers of the resource's own account") {
    const std::string arn = "arn:aws:iam::123456789012:policy/DenyDeletes";
    auto request = asking("iam:DeleteRole", "arn:aws:iam::123456789012:role/R");
    const auto end_of = [&](const Decision& decision) {
        const auto message = denial_message(request, decision);
        return message.substr(message.find(" with ") + 1);
    };
    CHECK(end_of(denied(Layer::identity, arn)) == "with an explicit deny in an identity-based policy: " + arn);
    CHECK(end_of(denied(Layer::boundary, arn)) == "with an explicit deny in a permissions boundary: " + arn);
    CHECK(end_of(denied(Layer::session, arn)) == "with an explicit deny in a session policy: " + arn);
    const std::string scp = "arn:aws:organizations::987654321098:policy/o-qv5af4abcd/service_control_policy/p-2kgnabcd";
    CHECK(end_of(denied(Layer::service_control, scp)) == "with an explicit deny in a service control policy: " + scp);
    const std::string rcp = "arn:aws:organizations::987654321098:policy/o-qv5af4abcd/resource_control_policy/p-1kgnabcd";
    CHECK(end_of(denied(Layer::resource_control, rcp)) == "with an explicit deny in a resource control policy: " + rcp);
    // Inline policies and policies of resources have none.
    CHECK(end_of(denied(Layer::identity)) == "with an explicit deny in an identity-based policy");
    CHECK(end_of(denied(Layer::resource, "bucket policy of b")) == "with an explicit deny in a resource-based policy");
    // Only the policy of the type that is named: another layer's ARN stays out.
    auto two = denied(Layer::resource, "bucket policy of b");
    two.because.push_back(denied(Layer::identity, arn).because.front());
    CHECK(end_of(two) == "with an explicit deny in a resource-based policy");
    request.resource_account = "999999999999";
    CHECK(end_of(denied(Layer::identity, arn)) == "with an explicit deny in an identity-based policy");
    // An implicit deny names no policy.
    request.resource_account = "";
    CHECK(denial_message(request, missing(Layer::boundary))
              .ends_with("because no permissions boundary allows the iam:DeleteRole action"));
}

TEST_CASE("who and what: S3 quotes the resource, IAM says the star, web identities are told nothing") {
    CHECK(denial_message(asking("s3:GetObject", "arn:aws:s3:::b/k"), missing(Layer::identity)) ==
          std::string("User: ") + john +
              " is not authorized to perform: s3:GetObject on resource: \"arn:aws:s3:::b/k\" because no "
              "identity-based policy allows the s3:GetObject action");
    CHECK(denial_message(asking("s3:ListAllMyBuckets"), missing(Layer::identity)) ==
          std::string("User: ") + john +
              " is not authorized to perform: s3:ListAllMyBuckets because no identity-based policy allows "
              "the s3:ListAllMyBuckets action");
    CHECK(denial_message(asking("iam:GetAccountSummary"), missing(Layer::identity)) ==
          std::string("User: ") + john +
              " is not authorized to perform: iam:GetAccountSummary on resource: * because no "
              "identity-based policy allows the iam:GetAccountSummary action");
    auto service = asking("sts:AssumeRole", "arn:aws:iam::123456789012:role/R");
    service.principal = {.kind = PrincipalKind::service, .service = "sagemaker.amazonaws.com"};
    CHECK(denial_message(service, missing(Layer::resource))
              .starts_with("User: sagemaker.amazonaws.com is not authorized to perform"));
    CHECK(denial_message(asking("sts:AssumeRoleWithWebIdentity", "arn:aws:iam::1:role/R"), missing(Layer::resource)) ==
          "Not authorized to perform sts:AssumeRoleWithWebIdentity");
}

TEST_CASE("every type's name leads back to its layer") {
    for (const Layer layer : {Layer::identity, Layer::boundary, Layer::session, Layer::service_control, Layer::resource_control,
                              Layer::resource, Layer::vpc_endpoint, Layer::account_root, Layer::always, Layer::service_rule})
        CHECK(layer_of(describe(layer)) == layer);
    const auto role = asking("sts:TagSession", "arn:aws:iam::123456789012:role/R");
    CHECK(policy_type(Layer::resource, role) == "role trust policy");
    CHECK(policy_type(Layer::identity, role) == "identity-based policy");
    CHECK(policy_type(Layer::resource, asking("s3:GetObject", "arn:aws:s3:::b/:role/x")) == "resource-based policy");
    CHECK(layer_of("role trust policy") == Layer::resource);
}

TEST_CASE("every rule of a service has a name that leads back to it, and words") {
    for (auto rule = ServiceRule::root_assumes_no_role; rule <= ServiceRule::customer_keys_blocked;
         rule = static_cast<ServiceRule>(static_cast<unsigned>(rule) + 1)) {
        CHECK_FALSE(name_of(rule).empty());
        CHECK_FALSE(describe(rule).empty());
        CHECK(rule_named(name_of(rule)) == rule);
    }
    CHECK(name_of(ServiceRule::none).empty());
    CHECK(rule_named("") == ServiceRule::none);
    CHECK(rule_named("nosuch") == ServiceRule::none);
}

TEST_CASE("a rule that a service found broken refuses whom the policies allow, and is explained by what was decided") {
    const auto put = asking("s3:PutBucketPolicy", "arn:aws:s3:::data");
    const CallerNames names(put.principal);
    const ActionFacts facts(put.action);
    const Question question({.principal = put.principal,
                             .names = names,
                             .action = facts,
                             .resource = put.resource,
                             .resource_account = put.resource_account,
                             .context = ContextView(put.context),
                             .rule = ServiceRule::public_policy_blocked});
    PrincipalPolicies policies;
    CHECK(evaluate(question, policies, nullptr).missing == std::vector{Layer::identity});  // who may not is told so first
    policies.identity.push_back(
        attached(R"({"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}})", PolicyKind::identity, "p"));
    const Decision refused = evaluate(question, policies, nullptr);
    CHECK(decide(question, policies, nullptr).outcome == Outcome::implicit_deny);
    CHECK(refused.missing == std::vector{Layer::service_rule});
    CHECK(refused.rule == ServiceRule::public_policy_blocked);
    CHECK(denial_message(put, refused).ends_with("prevented by the BlockPublicPolicy setting in S3 Block Public Access."));
    CHECK(explanation_of(put, refused).reason.find("BlockPublicPolicy") != std::string::npos);
    CHECK(explanation_of(put, refused).remedies.empty());
}

TEST_CASE("a refusal is explained by both halves: what would have allowed it, and what is missing") {
    const auto write = asking_as_role("s3:PutObject", "arn:aws:s3:::data/k");
    PolicySet set;
    set.resource = attached(
        "{\"Version\":\"2012-10-17\",\"Statement\":[\n{\"Sid\":\"Write\",\"Effect\":\"Allow\",\"Principal\":{\"AWS\":"
        "\"arn:aws:iam::123456789012:role/Trainer\"},\"Action\":\"s3:PutObject\",\"Resource\":\"arn:aws:s3:::data/*\"}]}",
        PolicyKind::resource, "bucket policy of data");
    set.boundary = attached(R"({"Statement":{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}})", PolicyKind::identity,
                            "arn:aws:iam::123456789012:policy/Cap", "v3");
    const auto capped = explanation_of(write, evaluate(write, set));
    CHECK(capped.reason ==
          "statement `Write` of bucket policy of data, line 2 allows s3:PutObject to arn:aws:iam::123456789012:role/Trainer, but "
          "its "
          "permissions boundary does not allow it");
    REQUIRE(capped.remedies.size() == 1);
    CHECK(capped.remedies[0] ==
          "allow it in the permissions boundary of arn:aws:iam::123456789012:role/Trainer, which caps what its policies grant: "
          R"({"Effect":"Allow","Action":"s3:PutObject","Resource":"arn:aws:s3:::data/k"})");

    // The account is named: its own policies decide.
    set.boundary.reset();
    set.resource = attached(
        R"({"Statement":{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"s3:*","Resource":"arn:aws:s3:::data/*"}})",
        PolicyKind::resource, "bucket policy of data");
    CHECK(explanation_of(write, evaluate(write, set)).reason ==
          "statement 1 of bucket policy of data, line 1 leaves s3:PutObject to the account's own policies, but no identity-based "
          "policy of arn:aws:iam::123456789012:role/Trainer allows it");

    // Both sides, across accounts.
    auto abroad = write;
    abroad.resource_account = "999999999999";
    set.resource.reset();
    set.identity.push_back(attached(R"({"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}})", PolicyKind::identity,
                                    "arn:aws:iam::aws:policy/AmazonS3FullAccess", "v2"));
    CHECK(explanation_of(abroad, evaluate(abroad, set)).reason ==
          "statement 1 of arn:aws:iam::aws:policy/AmazonS3FullAccess (v2), line 1 allows s3:PutObject to "
          "arn:aws:iam::123456789012:role/Trainer, but no resource-based policy allows it to "
          "arn:aws:iam::123456789012:role/Trainer");

    // Several layers at once.
    set.boundary = attached(R"({"Statement":{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}})", PolicyKind::identity, "Cap");
    set.session = std::vector<AttachedPolicy>{
        attached(R"({"Statement":{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}})", PolicyKind::session, "session policy")};
    const auto both = explanation_of(write, evaluate(write, set));
    CHECK(both.reason.ends_with(
        ", but its permissions boundary does not allow it and the policy of its session does not allow it"));
    CHECK(both.remedies.size() == 2);
    CHECK(explanation_of(write, evaluate(write, {})).reason ==
          "no identity-based policy of arn:aws:iam::123456789012:role/Trainer allows it");
}

TEST_CASE("organizations, trust policies, services and strangers have their own words") {
    const auto read = asking("s3:GetObject", "arn:aws:s3:::data/k");
    PolicySet set;
    set.identity.push_back(attached(R"({"Statement":{"Sid":"All","Effect":"Allow","Action":"*","Resource":"*"}})",
                                    PolicyKind::identity, "inline policy all of user John"));
    set.service_control = {{}};
    const auto scp = explanation_of(read, evaluate(read, set));
    CHECK(scp.reason ==
          "statement `All` of inline policy all of user John, line 1 allows s3:GetObject to arn:aws:iam::123456789012:user/John, "
          "but "
          "not every level of the organization above account 123456789012 has a service control policy that allows it");
    CHECK(scp.remedies.at(0).starts_with("allow it in a service control policy at every level of the organization"));
    set.service_control.clear();
    set.resource_control = {{}};
    CHECK(explanation_of(read, evaluate(read, set)).remedies.at(0).starts_with("attach RCPFullAWSAccess"));

    set.resource_control.clear();
    const auto assume = asking("sts:AssumeRole", "arn:aws:iam::123456789012:role/R");
    set.resource = attached(
        R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}})",
        PolicyKind::trust, "trust policy of role R");
    const auto trust = explanation_of(assume, evaluate(assume, set));
    CHECK(trust.reason.ends_with("but no role trust policy allows it to arn:aws:iam::123456789012:user/John"));
    CHECK(trust.remedies.at(0) ==
          "allow it in the trust policy of arn:aws:iam::123456789012:role/R: "
          R"({"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:user/John"},"Action":"sts:AssumeRole"})");

    auto service = assume;
    service.principal = {.kind = PrincipalKind::service, .service = "sagemaker.amazonaws.com"};
    CHECK(explanation_of(service, evaluate(service, set))
              .remedies.at(0)
              .find(R"("Principal":{"Service":"sagemaker.amazonaws.com"})") != std::string::npos);
    auto stranger = read;
    stranger.principal = {};
    const auto nobody = explanation_of(stranger, evaluate(stranger, {}));
    CHECK(nobody.reason == "no resource-based policy allows it to anonymous");
    CHECK(nobody.remedies.at(0).starts_with("allow everyone in the resource-based policy of arn:aws:s3:::data/k: "));
    CHECK(nobody.remedies.at(0).find(R"("Principal":{"AWS":"*"})") != std::string::npos);
    stranger.action = "s3:ListAllMyBuckets";
    stranger.resource = "arn:aws:s3:::*";
    CHECK(explanation_of(stranger, evaluate(stranger, {})).remedies.at(0).starts_with("sign it with credentials: "));
}

TEST_CASE("what is allowed and what is denied is explained by its statements, with version and line") {
    const auto read = asking("s3:GetObject", "arn:aws:s3:::data/k");
    PolicySet set;
    set.identity.push_back(attached("{\"Statement\":[\n {\"Effect\":\"Allow\",\"Action\":\"s3:*\",\"Resource\":\"*\"}]}",
                                    PolicyKind::identity, "arn:aws:iam::123456789012:policy/P", "v3"));
    set.boundary = attached(R"({"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}})", PolicyKind::identity, "Cap");
    auto decision = evaluate(read, set);
    for (auto& ref : decision.because)
        if (ref.layer == Layer::identity) ref.policy_version = "v3";
    CHECK(explanation_of(read, decision).reason ==
          "statement 1 of arn:aws:iam::123456789012:policy/P (v3), line 2 allows it, and the permissions boundary does too");
    CHECK(explanation_of(read, decision).remedies.empty());

    set.identity.push_back(
        attached("{\"Statement\":[\n {\"Sid\":\"NoReads\",\n  \"Effect\":\"Deny\",\"Action\":\"s3:Get*\",\"Resource\":\"*\"}]}",
                 PolicyKind::identity, "inline policy p of user John"));
    CHECK(explain(read, evaluate(read, set)) ==
          "arn:aws:iam::123456789012:user/John asks for s3:GetObject on arn:aws:s3:::data/k\n"
          "denied: statement `NoReads` of inline policy p of user John, line 2 denies it, and a deny wins over every allow\n"
          "  denied by statement `NoReads` of inline policy p of user John, line 2 (identity-based policy)\n"
          "  remedy: remove statement `NoReads` of inline policy p of user John, line 2, or narrow it by Action, Resource or "
          "Condition\n");

    auto root = read;
    root.principal = {.kind = PrincipalKind::root, .account = "123456789012", .arn = "arn:aws:iam::123456789012:root"};
    CHECK(explanation_of(root, evaluate(root, {})).reason == "the caller is the root user of its account");
    const auto who_am_i = asking("sts:GetCallerIdentity");
    CHECK(explanation_of(who_am_i, evaluate(who_am_i, {})).reason == "every caller may do this");
}

TEST_CASE("many statements are counted, not recited") {
    Decision decision = denied(Layer::identity);
    for (size_t i = 1; i < 6; ++i) {
        decision.because.push_back(decision.because.front());
        decision.because.back().info.sid.clear();
        decision.because.back().statement = i;
    }
    CHECK(explanation_of(asking("s3:GetObject"), decision).reason ==
          "statement `No` of inline policy p of user John, line 2, statement 2 of inline policy p of user John, line 2, "
          "statement 3 of "
          "inline policy p of user John, line 2 and 3 more deny it, and a deny wins over every allow");
    CHECK(explanation_of(asking("s3:GetObject"), decision).remedies.size() == 6);
}

TEST_CASE("a statement that only its condition keeps out: the keys that do not hold, and the condition, which stays") {
    PolicySet policies;
    policies.identity.push_back(attached(R"({"Version":"2012-10-17","Statement":[
        {"Sid":"Home","Effect":"Allow","Action":"s3:GetObject","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"},"Bool":{"aws:SecureTransport":"true"}}},
        {"Sid":"Other","Effect":"Allow","Action":"s3:PutObject","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"true"}}}]})",
                                         PolicyKind::identity, "inline policy p of user John"));
    Request request = asking("s3:GetObject", "arn:aws:s3:::b/k");
    request.context.set("aws:SourceIp", "10.1.1.1");
    request.context.set("aws:SecureTransport", "false");
    const Decision decision = evaluate(request, policies);
    REQUIRE(decision.outcome == Outcome::implicit_deny);
    REQUIRE(decision.conditioned.size() == 1);
    CHECK(decision.conditioned[0].keys == std::vector<std::string>{"aws:SecureTransport"});
    const Explanation explanation = explanation_of(request, decision);
    CHECK(explanation.reason.ends_with(
        "; statement `Home` of inline policy p of user John, line 2 would allow it but for its condition on "
        "`aws:SecureTransport`"));
    REQUIRE(explanation.remedies.size() == 1);
    CHECK(explanation.remedies[0] ==
          "make a request that meets the Condition of statement `Home` of inline policy p of user John, line 2 (the request's "
          "`aws:SecureTransport` is \"false\"): "
          "{\"IpAddress\":{\"aws:SourceIp\":\"10.0.0.0/8\"},\"Bool\":{\"aws:SecureTransport\":\"true\"}}");
    // Without such a statement, the grant to paste.
    CHECK(explanation_of(asking("s3:DeleteObject", "arn:aws:s3:::b/k"),
                         evaluate(asking("s3:DeleteObject", "arn:aws:s3:::b/k"), policies))
              .remedies[0]
              .starts_with("allow it in a policy of"));
}

TEST_CASE("a deny with a condition is kept") {
    PolicySet policies;
    policies.identity.push_back(attached(R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},
        {"Sid":"Mfa","Effect":"Deny","Action":"s3:*","Resource":"*","Condition":{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}}]})",
                                         PolicyKind::identity, "P"));
    const Request request = asking("s3:GetObject", "arn:aws:s3:::b/k");
    const Explanation explanation = explanation_of(request, evaluate(request, policies));
    REQUIRE(explanation.remedies.size() == 1);
    CHECK(explanation.remedies[0] ==
          "make a request that does not fit the Condition of statement `Mfa` of P, line 2: "
          "{\"BoolIfExists\":{\"aws:MultiFactorAuthPresent\":\"false\"}}");
}
