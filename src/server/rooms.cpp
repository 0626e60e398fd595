#include "server/rooms.hpp"

#include <algorithm>

#include "base/strings.hpp"
#include "policy/arn.hpp"
#include "policy/passed_resource.hpp"
#include "policy/reference.hpp"
#include "server/audit_log.hpp"
#include "services/cloudtrail/operations.hpp"
#include "services/iam/operations.hpp"
#include "services/logs/operations.hpp"
#include "services/monitoring/operations.hpp"
#include "services/s3/operations.hpp"
#include "services/sagemaker/operations.hpp"
#include "services/sts/operations.hpp"
#include "services/trainwarden/operations.hpp"
#include "services/trainwarden/slurm.hpp"
#include "wire/region.hpp"

namespace server {
namespace {

// A resource of a region that is not served (any more) is served where its asker is.
std::string region_if_served(const Rooms& rooms, std::string_view region) {
    return wire::is_served(region, rooms.regions) ? std::string(region) : std::string();
}

// What guards a resource and what is known of it, for questions about it (`explain`, `who-can`, IAM's simulator): the gate's own
// requests get this from their service.
base::Result<gate::Access> access_to_bucket(const Rooms& rooms, gate::Access access, std::string_view resource) {
    const size_t slash = resource.find('/');
    const std::string_view name = resource.substr(0, slash);
    if (name.find_first_of("*?") != std::string_view::npos) return access;
    const objects::BucketPtr bucket = TRY(rooms.storage->bucket(name));
    access.resource_account = bucket->account;
    access.region = region_if_served(rooms, bucket->region);
    access.context.set("s3:ResourceAccount", bucket->account);
    if (bucket->policy) access.resource_policy = policy::AttachedPolicy{bucket->policy, "bucket policy of " + bucket->name};
    access.restrict_public = bucket->restricts_public();
    access.resource_policy_is_public = bucket->policy_is_public;
    if (slash == std::string_view::npos || !policy::is_key_of_s3_action("s3:ExistingObjectTag/x", access.action)) return access;
    if (const auto object = rooms.storage->find(bucket->name, std::string(resource.substr(slash + 1)))) {
        for (const auto& [key, value] : (*object)->tags) access.context.set("s3:ExistingObjectTag/" + key, value);
    }
    return access;
}

void set_tags(policy::Context& context, const identity::Tags& tags, const std::string& boundary) {
    for (const auto& [key, value] : tags) {
        context.set("aws:ResourceTag/" + key, value);
        context.set("iam:ResourceTag/" + key, value);
    }
    if (!boundary.empty()) context.set("iam:PermissionsBoundary", boundary);
}

base::Result<gate::Access> access_to_entity(const Rooms& rooms, gate::Access access, const policy::Arn& arn) {
    const std::string action = base::lower(access.action);
    // Who passes a role is not decided on the role's tags (IAM User Guide, "Granting a user permissions to pass a role").
    if (action == "iam:passrole") return access;
    const bool assumes = action.starts_with("sts:");
    const std::string account(arn.account), name(arn.resource.substr(arn.resource.rfind('/') + 1));
    if (arn.resource.starts_with("role/")) {
        if (const auto role = rooms.directory->iam().role(account, name); role && (*role)->arn == access.resource)
            set_tags(access.context, (*role)->tags, assumes ? "" : (*role)->boundary);
        if (assumes) access.resource_policy = TRY(rooms.directory->trust_policy(access.resource));
    } else if (arn.resource.starts_with("user/")) {
        if (const auto user = rooms.directory->iam().user(account, name); user && (*user)->arn == access.resource)
            set_tags(access.context, (*user)->tags, (*user)->boundary);
    } else if (arn.resource.starts_with("policy/")) {
        if (const auto found = rooms.directory->iam().managed_policy(rooms.directory->default_account(), access.resource))
            set_tags(access.context, (*found)->tags, "");
    }
    return access;
}

base::Result<gate::Access> access_to_job(const Rooms& rooms, gate::Access access) {
    const auto id = training::parse_job_arn(access.resource);
    if (!id) return base::fail("NoSuchResource", "only training jobs exist here");
    const auto job = rooms.training->jobs().describe(*id);
    if (!job) return base::fail("NoSuchTrainingJob", "there is no training job " + id->name);
    for (const auto& [key, value] : job->tags) {
        access.context.set("aws:ResourceTag/" + key, value);
        access.context.set("sagemaker:ResourceTag/" + key, value);
    }
    return access;
}

base::Result<gate::Access> access_to_log_group(const Rooms& rooms, gate::Access access, const policy::Arn& arn) {
    constexpr std::string_view type = "log-group:", stream_type = ":log-stream:";
    if (!arn.resource.starts_with(type)) return base::fail("NoSuchResource", "only log groups exist here");
    const std::string_view behind = arn.resource.substr(type.size());
    const std::string group(behind.substr(0, behind.find(':')));
    const logs::Owner owner{.account = std::string(arn.account), .region = std::string(arn.region)};
    if (!rooms.logs->require_group(owner, group)) return base::fail("NoSuchLogGroup", "there is no log group " + group);
    const auto at = behind.find(stream_type);
    const std::string stream(at == std::string_view::npos ? "" : behind.substr(at + stream_type.size()));
    if (stream.empty() || base::equals_ignoring_case(access.action, "logs:CreateLogStream")) return access;
    if (!rooms.logs->stream(owner, group, stream)) return base::fail("NoSuchLogStream", "there is no log stream " + stream);
    return access;
}

// Does this action make what it names? Whether something is there already, with tags or a policy of its own, is none of its
// decision.
bool makes_its_resource(std::string_view action) {
    static constexpr std::string_view makers[] = {
        "iam:creategroup", "iam:createpolicy",           "iam:createrole", "iam:createuser", "logs:createloggroup",
        "s3:createbucket", "sagemaker:createtrainingjob"};
    return std::ranges::find(makers, base::lower(action)) != std::end(makers);
}

// What AWS publishes is read as the account's own (services/iam, invariant 3).
bool reads_what_aws_publishes(const policy::Arn& arn, const std::string& action) {
    const std::string name = base::lower(action);
    return arn.service == "iam" && arn.account == "aws" && (name.starts_with("iam:get") || name.starts_with("iam:list"));
}

base::Result<gate::Access> access_to(const Rooms& rooms, const std::string& action, const std::string& resource) {
    gate::Access access{.action = action, .resource = resource};
    const auto arn = policy::parse_arn(resource);
    if (!arn || arn->partition != "aws") return access;
    if (!arn->account.empty() && !reads_what_aws_publishes(*arn, action)) access.resource_account = std::string(arn->account);
    access.region = region_if_served(rooms, arn->region);
    if (makes_its_resource(action) || !policy::names_resource(action)) return access;
    if (base::lower(action).starts_with("trainwarden:")) {  // what is known of the resource is none of its conditions
        if (arn->service == "sagemaker") (void)TRY(access_to_job(rooms, access));
        return access;
    }
    if (arn->service == "s3" && arn->account.empty() && arn->region.empty())
        return access_to_bucket(rooms, std::move(access), arn->resource);
    if (arn->service == "iam") return access_to_entity(rooms, std::move(access), *arn);
    if (arn->service == "sagemaker") return access_to_job(rooms, std::move(access));
    if (arn->service == "logs") return access_to_log_group(rooms, std::move(access), *arn);
    return base::fail("NoSuchResource", "it has no resources of this kind");
}

}  // namespace

base::Result<std::unique_ptr<Rooms>> Rooms::open(const std::string& data, const std::string& master_key_file,
                                                 const std::vector<std::string>& regions,
                                                 const TrainingSettings& training_settings, const AuditSettings& audit_settings) {
    auto rooms = std::make_unique<Rooms>();
    rooms->regions = regions;
    rooms->folder = TRY(DataFolder::open(data, master_key_file, rooms->random));
    const DataFolder& folder = *rooms->folder;
    rooms->keys = TRY(store::open_rocks_keys(folder.keys_directory()));
    rooms->blobs = TRY(store::open_file_blobs(folder.blobs_directory()));
    rooms->directory = TRY(identity::Directory::open({rooms->keys.get(), &rooms->clock, &rooms->random, folder.master_key()}));
    TRY(folder.bootstrap(*rooms->directory));
    rooms->storage = TRY(objects::Storage::open({rooms->keys.get(), rooms->blobs.get(), &rooms->clock, &rooms->random}));
    rooms->metrics = std::make_unique<metrics::Store>(*rooms->keys, rooms->random);
    rooms->logs = TRY(logs::Store::open({rooms->keys.get(), &rooms->clock, &rooms->random, folder.logs_directory()}));
    rooms->audit = TRY(open_audit_log(folder, rooms->clock, audit_settings));
    if (!audit_settings.syslog.empty())
        rooms->audit_forwarder = std::make_unique<AuditForwarder>(*rooms->audit, TRY(parse_syslog(audit_settings.syslog)),
                                                                  folder.audit_directory() + "/syslog-sent");
    rooms->training = TRY(TrainingRoom::open(
        {.keys = rooms->keys.get(),
         .directory = rooms->directory.get(),
         .metrics = rooms->metrics.get(),
         .logs = rooms->logs.get(),
         .clock = &rooms->clock,
         .random = &rooms->random,
         .jobs_directory = folder.jobs_directory(),
         .data_folder = folder.path(),
         .master_key_file = master_key_file,
         .settings = training_settings,
         .may = [made = rooms.get()](const identity::Credentials& credentials, const std::string& action,
                                     const std::string& resource) { return made->may(credentials, action, resource); }}));
    rooms->slurm_sessions = TRY(training::SlurmSessions::open({.keys = rooms->keys.get(),
                                                               .assume = training::assume_through(*rooms->directory),
                                                               .leases = &rooms->directory->leases(),
                                                               .clock = &rooms->clock,
                                                               .random = &rooms->random}));
    rooms->add_services();
    const auto region_of = [storage = rooms->storage.get()](std::string_view name) {
        const auto bucket = storage->bucket(name);
        return bucket ? (*bucket)->region : std::string();
    };
    rooms->gate = std::make_unique<gate::Gate>(gate::GateParts{.registry = &rooms->registry,
                                                               .directory = rooms->directory.get(),
                                                               .audit = rooms->audit.get(),
                                                               .clock = &rooms->clock,
                                                               .random = &rooms->random,
                                                               .regions = regions,
                                                               .bucket_region = region_of});
    return rooms;
}

// What the gate would say to a request with these credentials, before anybody makes it. On the record like a request.
base::Result<void> Rooms::may(const identity::Credentials& credentials, const std::string& action, const std::string& resource) {
    auto found = TRY(directory->authenticate(credentials.access_key_id, credentials.session_token));
    return gate->authorize(found.caller, {TRY(access_to(*this, action, resource))}, random.uuid());
}

void Rooms::add_services() {
    const auto to = [this](const std::string& action, const std::string& resource) { return access_to(*this, action, resource); };
    services::iam::add_operations(registry, *directory, {.region = regions.front(), .access_to = to});
    services::sts::add_operations(registry, *directory);
    services::s3::add_operations(
        registry, {.storage = storage.get(), .clock = &clock, .regions = regions, .principal_id = [this](const std::string& arn) {
                       return directory->unique_id(arn);
                   }});
    services::sagemaker::add_operations(registry, training->jobs());
    services::logs::add_operations(registry, *logs, clock);
    services::monitoring::add_operations(registry, *metrics, clock);
    services::cloudtrail::add_operations(registry, *audit);
    services::trainwarden::add_operations(
        registry, {.directory = directory.get(),
                   .audit = audit.get(),
                   .clock = &clock,
                   .region = regions.front(),
                   .access_to = to,
                   .interrupt = [this](const std::string& account, const std::string& in, const std::string& job) {
                       return training->jobs().interrupt({account, in, job});
                   }});
    services::trainwarden::add_slurm_operations(
        registry, {.directory = directory.get(), .sessions = slurm_sessions.get(), .clock = &clock});
}

}  // namespace server
