#include "server/server.hpp"

#include "server/audit_log.hpp"
#include "server/server_administration.hpp"
#include "services/access_analyzer/operations.hpp"
#include "services/cloudtrail/operations.hpp"
#include "services/iam/operations.hpp"
#include "services/logs/operations.hpp"
#include "services/monitoring/operations.hpp"
#include "services/s3/cors.hpp"
#include "services/s3/operations.hpp"
#include "services/sagemaker/acts.hpp"
#include "services/sagemaker/operations.hpp"
#include "services/sts/operations.hpp"
#include "services/trainwarden/operations.hpp"
#include "services/trainwarden/slurm.hpp"

namespace server {

Server::Server() = default;
Server::~Server() = default;

base::Result<std::unique_ptr<Server>> Server::open(const std::string& data, const std::string& master_key_file,
                                                   const std::vector<std::string>& regions,
                                                   const TrainingSettings& training_settings, const AuditSettings& audit_settings,
                                                   const Quotas& quotas, const ScrubSettings& scrub_settings) {
    auto server = std::make_unique<Server>();
    server->regions = regions;
    server->folder = TRY(DataFolder::open(data, master_key_file, server->random));
    const DataFolder& folder = *server->folder;
    // First: it needs a place of its own for its key, without which nothing is served, and nothing of a new folder is left.
    auto audit = open_audit_log(folder, server->clock, audit_settings);
    if (!audit) {
        server->folder->take_back();
        return base::fail(std::move(audit).error());
    }
    server->audit = std::move(*audit);
    server->keys = TRY(store::open_rocks_store(folder.keys_directory()));
    server->blobs = std::make_unique<store::PinnedBlobs>(
        store::bound_blobs(TRY(store::open_blobs(folder.blobs_directory())), folder.blobs_directory(), quotas.objects));
    server->bounded_keys = store::bound_keys(*server->keys, folder.keys_directory(), quotas.metadata);
    const auto& master_keys = folder.master_keys();
    server->directory = TRY(identity::Directory::open({.keys = server->keys.get(),
                                                       .clock = &server->clock,
                                                       .random = &server->random,
                                                       .master_key = master_keys.current,
                                                       .former_keys = master_keys.former,
                                                       .former_tokens = master_keys.tokens}));
    TRY(folder.bootstrap(*server->directory));
    server->object_keys = TRY(objects::EncryptionKeys::open(
        {.keys = server->keys.get(), .clock = &server->clock, .random = &server->random}, opening_keys_of(master_keys)));
    server->storage = TRY(objects::Storage::open({.keys = server->bounded_keys.get(),
                                                  .blobs = server->blobs.get(),
                                                  .clock = &server->clock,
                                                  .random = &server->random,
                                                  .encryption = server->object_keys.get()}));
    server->metrics = std::make_unique<cloudwatch::Store>(*server->bounded_keys, server->random);
    server->logs =
        TRY(logs::Store::open({server->keys.get(), &server->clock, &server->random, folder.logs_directory(), quotas.logs}));
    if (!audit_settings.syslog.empty())
        server->audit_forwarder = std::make_unique<AuditForwarder>(*server->audit, TRY(parse_syslog(audit_settings.syslog)),
                                                                   folder.audit_directory() + "/syslog-sent");
    server->decider = std::make_unique<gate::Decider>(gate::DeciderDependencies{.describer = &server->registry.describer(),
                                                                                .directory = server->directory.get(),
                                                                                .audit = server->audit.get(),
                                                                                .clock = &server->clock,
                                                                                .random = &server->random,
                                                                                .region = regions.front(),
                                                                                .observer = &server->observer});
    server->training = TRY(TrainingService::open(
        {.keys = server->keys.get(),
         .directory = server->directory.get(),
         .metrics = server->metrics.get(),
         .logs = server->logs.get(),
         .clock = &server->clock,
         .random = &server->random,
         .jobs_directory = folder.jobs_directory(),
         .data_folder = folder.path(),
         .master_key_file = master_key_file,
         .settings = training_settings,
         .limits = quotas.jobs,
         .assume = server->assume_job_role(),
         .may = [made = server.get()](
                    const identity::Credentials& credentials, const std::string& action, const std::string& resource,
                    const std::string& request_id) { return made->may(credentials, action, resource, request_id); },
         .may_list = [made = server.get()](
                         const identity::Credentials& credentials, const training::S3Uri& prefix, const std::string& region,
                         const std::string& request_id) { return made->may_list(credentials, prefix, region, request_id); },
         .bucket_exists =
             [storage = server->storage.get()](const std::string& bucket) { return storage->bucket(bucket).has_value(); }}));
    server->slurm_sessions = TRY(training::SlurmSessions::open({.keys = server->keys.get(),
                                                                .assume = server->assume_job_role(),
                                                                .leases = &server->directory->leases(),
                                                                .clock = &server->clock,
                                                                .random = &server->random}));
    server->administration = TRY(ServerAdministration::open({.folder = &folder,
                                                             .keys = server->keys.get(),
                                                             .blobs = server->blobs.get(),
                                                             .directory = server->directory.get(),
                                                             .object_keys = server->object_keys.get(),
                                                             .audit = server->audit.get(),
                                                             .clock = &server->clock,
                                                             .random = &server->random,
                                                             .audit_settings = audit_settings,
                                                             .scrub_bytes_per_second = scrub_settings.bytes_per_second,
                                                             .scrub_between_seconds = scrub_settings.between_seconds}));
    server->add_services();
    server->observer.know(server->registry);
    const auto region_of = [storage = server->storage.get()](std::string_view name) {
        const auto bucket = storage->bucket(name);
        return bucket ? (*bucket)->region : std::string();
    };
    const auto add_cors = [storage = server->storage.get()](std::string_view bucket, const http::RequestHead& head,
                                                            http::Headers& answer) {
        services::s3::add_cors_headers(*storage, bucket, head, answer);
    };
    server->gate = std::make_unique<gate::Gate>(gate::GateDependencies{.registry = &server->registry,
                                                                       .directory = server->directory.get(),
                                                                       .audit = server->audit.get(),
                                                                       .clock = &server->clock,
                                                                       .random = &server->random,
                                                                       .regions = regions,
                                                                       .bucket_region = region_of,
                                                                       .add_cors = add_cors,
                                                                       .observer = &server->observer});
    return server;
}

namespace {

// What SageMaker does for CreateTrainingJob, before it answers.
gate::Act look_at_role(const std::string& request_id, const std::string& endpoint) {
    gate::Act act{.request_id = request_id, .service = "sagemaker", .operation = "CreateTrainingJob", .region = {}, .keys = {}};
    if (!endpoint.empty()) act.keys.set("aws:SourceVpce", endpoint);  // by which what moves the job's data will come
    return act;
}

}  // namespace

// What the gate would say to a request with these credentials, before one is made. Recorded like a request.
base::Result<void> Server::may(const identity::Credentials& credentials, const std::string& action, const std::string& resource,
                               const std::string& request_id) {
    const auto found = TRY(directory->authenticate(credentials.access_key_id, credentials.session_token));
    return decider->act_for(
        {.caller = found->caller,
         .accesses = {TRY(gate::asked_access(registry.describer(), action, resource, found->caller.principal.account))},
         .act = look_at_role(request_id, workers_endpoint)});
}

base::Result<void> Server::may_list(const identity::Credentials& credentials, const training::S3Uri& prefix,
                                    const std::string& region, const std::string& request_id) {
    const auto found = TRY(directory->authenticate(credentials.access_key_id, credentials.session_token));
    return decider->act_for({.caller = found->caller,
                             .accesses = TRY(services::sagemaker::listing_accesses(registry, found->caller, region, prefix)),
                             .act = look_at_role(request_id, workers_endpoint)});
}

// What it commits is nothing, but durable.
base::Result<void> Server::serves() const {
    TRY(audit->takes_records());
    auto committed = keys->commit(store::Batch().erase("server/probe"));
    if (!committed && committed.error().code != base::code::InsufficientStorage) return committed;
    TRY(keys->get("server/probe"));
    return {};
}

training::AssumeJobRole Server::assume_job_role() const {
    return [decider = decider.get()](const training::JobId& job, const std::string& role_arn,
                                     const training::SessionTerms& terms) -> base::Result<identity::Credentials> {
        return TRY(decider->assume_role(training::job_service_call(job), training::job_role_request(role_arn, terms),
                                        terms.request_id))
            .credentials;
    };
}

void Server::add_services() {
    registry.describer().serve(regions);
    services::iam::add_operations(registry, *directory, {.region = regions.front(), .describer = &registry.describer()},
                                  {.record = audit.get(), .keys = keys.get(), .random = &random});
    services::sts::add_operations(registry, *directory);
    services::s3::add_operations(
        registry, {.storage = storage.get(), .clock = &clock, .regions = regions, .principal_id = [this](const std::string& arn) {
                       return directory->unique_id(arn);
                   }});
    services::sagemaker::add_operations(registry, training->jobs());
    services::sagemaker::add_acts(acts, registry, *directory);
    services::logs::add_operations(registry, *logs, clock);
    services::monitoring::add_operations(registry, *metrics, clock);
    services::cloudtrail::add_operations(registry, *audit);
    services::access_analyzer::add_operations(
        registry,
        {.directory = directory.get(), .storage = storage.get(), .record = audit.get(), .keys = keys.get(), .random = &random});
    services::trainwarden::add_operations(registry, {.directory = directory.get(),
                                                     .audit = audit.get(),
                                                     .clock = &clock,
                                                     .region = regions.front(),
                                                     .describer = &registry.describer(),
                                                     .acts = &acts,
                                                     .regions = regions,
                                                     .training = &training->jobs()});
    services::trainwarden::add_slurm_operations(registry, {.directory = directory.get(),
                                                           .sessions = slurm_sessions.get(),
                                                           .decider = decider.get(),
                                                           .acts = &acts,
                                                           .describer = &registry.describer()});
    services::trainwarden::add_administration_operations(registry, *administration);
}

}  // namespace server
