#include "server/rooms.hpp"

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

namespace server {
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
    rooms->decider = std::make_unique<gate::Decider>(gate::DeciderParts{.describer = &rooms->registry.describer(),
                                                                        .directory = rooms->directory.get(),
                                                                        .audit = rooms->audit.get(),
                                                                        .clock = &rooms->clock,
                                                                        .random = &rooms->random,
                                                                        .region = regions.front()});
    rooms->training =
        TRY(TrainingRoom::open({.keys = rooms->keys.get(),
                                .directory = rooms->directory.get(),
                                .metrics = rooms->metrics.get(),
                                .logs = rooms->logs.get(),
                                .clock = &rooms->clock,
                                .random = &rooms->random,
                                .jobs_directory = folder.jobs_directory(),
                                .data_folder = folder.path(),
                                .master_key_file = master_key_file,
                                .settings = training_settings,
                                .assume = rooms->assume_job_role(),
                                .may = [made = rooms.get()](const identity::Credentials& credentials, const std::string& action,
                                                            const std::string& resource, const std::string& request_id) {
                                    return made->may(credentials, action, resource, request_id);
                                }}));
    rooms->slurm_sessions = TRY(training::SlurmSessions::open({.keys = rooms->keys.get(),
                                                               .assume = rooms->assume_job_role(),
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
base::Result<void> Rooms::may(const identity::Credentials& credentials, const std::string& action, const std::string& resource,
                              const std::string& request_id) {
    const auto found = TRY(directory->authenticate(credentials.access_key_id, credentials.session_token));
    return decider->act_for(
        found->caller,
        std::vector<gate::Access>{
            TRY(gate::asked_access(registry.describer(), action, resource, found->caller.principal.account))},
        {.request_id = request_id, .service = "sagemaker", .operation = "CreateTrainingJob", .region = {}, .keys = {}});
}

training::AssumeJobRole Rooms::assume_job_role() const {
    return [decider = decider.get()](const training::JobId& job, const std::string& role_arn,
                                     const training::SessionTerms& terms) -> base::Result<identity::Credentials> {
        const identity::ServiceCall service{training::service_principal, job.region, job.account, job.arn()};
        return TRY(decider->assume_role(service, training::job_role_request(role_arn, terms), terms.request_id)).credentials;
    };
}

void Rooms::add_services() {
    registry.describer().serve(regions);
    services::iam::add_operations(registry, *directory, {.region = regions.front(), .describer = &registry.describer()});
    services::sts::add_operations(registry, *directory);
    services::s3::add_operations(
        registry, {.storage = storage.get(), .clock = &clock, .regions = regions, .principal_id = [this](const std::string& arn) {
                       return directory->unique_id(arn);
                   }});
    services::sagemaker::add_operations(registry, training->jobs());
    services::logs::add_operations(registry, *logs, clock);
    services::monitoring::add_operations(registry, *metrics, clock);
    services::cloudtrail::add_operations(registry, *audit);
    services::trainwarden::add_operations(registry, {.directory = directory.get(),
                                                     .audit = audit.get(),
                                                     .clock = &clock,
                                                     .region = regions.front(),
                                                     .describer = &registry.describer()});
    services::trainwarden::add_slurm_operations(
        registry, {.directory = directory.get(), .sessions = slurm_sessions.get(), .decider = decider.get()});
}

}  // namespace server
