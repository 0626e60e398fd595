#include "server/training_service.hpp"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "base/error_codes.hpp"
#include "base/log.hpp"
#include "crypto/digest.hpp"

namespace server {
namespace {

// The server's HOME may be another than its user's home folder (which workers never see): its settings are not for them.
std::vector<std::string> private_places(const TrainingService::Dependencies& dependencies) {
    std::vector<std::string> places = {dependencies.data_folder};
    if (!dependencies.master_key_file.empty()) places.push_back(std::filesystem::absolute(dependencies.master_key_file).string());
    if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/') {
        places.push_back(std::string(home) + "/.aws");
        places.push_back(std::string(home) + "/.config/trainwarden");
    }
    if (const char* config = std::getenv("XDG_CONFIG_HOME"); config != nullptr && *config == '/') {
        places.push_back(std::string(config) + "/trainwarden");
    }
    return places;
}

// Tells the servers of a machine apart.
std::string name_of(const TrainingService::Dependencies& dependencies) {
    return crypto::hex(crypto::sha256(dependencies.data_folder)).substr(0, 12);
}

std::string images_of(const TrainingService::Dependencies& dependencies) {
    return dependencies.settings.images.empty() ? dependencies.data_folder + "/images" : dependencies.settings.images;
}

// Where SageMaker's users look for them: namespace and dimensions are AWS's.
void publish(cloudwatch::Store& store, const training::JobId& job, const std::vector<training::MetricPoint>& points) {
    std::vector<std::pair<cloudwatch::Metric, cloudwatch::Datum>> data;
    for (const auto& point : points) {
        cloudwatch::Metric metric{job.account, job.region, "/aws/sagemaker/TrainingJobs", point.name, {}};
        if (point.host.empty()) {
            metric.dimensions = {{"TrainingJobName", job.name}};
        } else {
            metric.dimensions = {{"Host", job.name + "/" + point.host}};
        }
        data.emplace_back(std::move(metric), cloudwatch::Datum::of(point.time, point.value, point.unit));
    }
    if (auto stored = store.put(data); !stored)
        base::log_error("metrics of the training job " + job.name + " could not be stored: " + stored.error().describe());
}

}  // namespace

base::Result<training::Isolation> TrainingService::isolate(const Dependencies& dependencies) {
    const std::string& wanted = dependencies.settings.isolation;
    if (wanted != "sandbox" && wanted != "best-effort" && wanted != "process") {
        return base::fail(base::Error(base::code::InvalidIsolation, "unknown --training-isolation `" + wanted + "`")
                              .note("--training-isolation is sandbox, best-effort or process"));
    }
    training::Isolation isolation;
    isolation.endpoints = &endpoints_;
    isolation.hidden = private_places(dependencies);
    if (wanted == "process" && dependencies.settings.launcher == "slurm") {
        return base::fail(base::Error(base::code::InvalidIsolation, "the launcher slurm runs workers in sandboxes alone")
                              .note("leave out --training-isolation=process"));
    }
    if (wanted == "process") {
        isolation_ = "process";
        warning_ = "training jobs run as plain processes: they share this machine's network, processes and users";
        return isolation;
    }
    if (dependencies.settings.launcher == "slurm") return isolate_on_slurm(dependencies);
    if (dependencies.settings.launcher != "local") {
        return base::fail(base::Error(base::code::InvalidLauncher, "unknown --launcher `" + dependencies.settings.launcher + "`")
                              .note("--launcher is local or slurm"));
    }
    std::string name = name_of(dependencies);
    auto opened = sandbox::Sandboxes::open({.server = name,
                                            .scratch = dependencies.jobs_directory,
                                            .images = images_of(dependencies),
                                            .image_cache = dependencies.data_folder + "/image-cache",
                                            .shared = dependencies.settings.shared});
    if (opened) {
        isolation_ = "sandbox";
        sandboxes_ = std::move(*opened);
        isolation.sandboxes = sandboxes_.get();
        for (const auto& remark : sandboxes_->remarks()) base::log_info("training sandboxes: " + remark);
        return isolation;
    }
    if (opened.error().code != base::code::SandboxUnavailable) return base::fail(std::move(opened).error());
    if (wanted == "best-effort") {
        isolation_ = "process";
        warning_ = "training jobs run as plain processes, because this machine permits no sandbox: " + opened.error().message;
        return isolation;
    }
    warning_ = "training jobs are refused, because this machine permits no sandbox: " + opened.error().message;
    isolation.refusal = base::Error(base::code::ValidationException,
                                    "Training jobs run in a sandbox, and this machine permits none (" + opened.error().message +
                                        "). To run them as plain processes, start the server with --training-isolation=process.");
    return isolation;
}

void TrainingService::choose_volumes(const Dependencies& dependencies, training::Isolation& isolation) {
    const std::string measured = "VolumeSizeInGB is measured every second, and a job that has written more is ended";
    if (isolation.elsewhere) {
        volumes_ = measured + " (workers are on other machines)";
        return;
    }
    const auto volumes = sandbox::Volumes::open(dependencies.jobs_directory);
    isolation.volumes = volumes.available();
    volumes_ = volumes.available() ? "files with ext4, mounted by loop devices: VolumeSizeInGB is what a worker can write"
                                   : measured + " (this machine permits no volumes: " + volumes.why_not() + ")";
}

base::Result<training::Isolation> TrainingService::isolate_on_slurm(const Dependencies& dependencies) {
    // Two servers with one folder cannot be on one machine, but on two they can: the machine's name tells those apart.
    char machine[256] = "";
    ::gethostname(machine, sizeof machine - 1);
    slurm_ = TRY(slurm::Launcher::open({.options = dependencies.settings.slurm_options,
                                        .program = dependencies.settings.slurm_program,
                                        .server = name_of(dependencies) + "@" + machine,
                                        .images = images_of(dependencies),
                                        .image_cache = dependencies.data_folder + "/image-cache",
                                        .shared = dependencies.settings.shared,
                                        .endpoints = &endpoints_}));
    isolation_ = "slurm";
    training::Isolation isolation;
    isolation.endpoints = &endpoints_;
    isolation.images = &slurm_->images();
    isolation.elsewhere = [this] { return slurm_->confine(); };
    return isolation;
}

base::Result<std::unique_ptr<TrainingService>> TrainingService::open(const Dependencies& dependencies) {
    std::error_code error;
    if (const std::string& images = dependencies.settings.images;
        !images.empty() && !std::filesystem::is_directory(images, error))
        return base::fail(base::Error(base::code::InvalidConfiguration, "--training-images: there is no folder `" + images + "`")
                              .note("make it, or leave the option out: the default is `images` in the data folder"));
    std::unique_ptr<TrainingService> service(new TrainingService(dependencies));
    training::Training::Dependencies inside;
    inside.keys = dependencies.keys;
    inside.assume = dependencies.assume;
    inside.leases = &dependencies.directory->leases();
    inside.data = &service->data_;
    inside.logs = dependencies.logs;
    inside.clock = dependencies.clock;
    inside.random = dependencies.random;
    inside.folder = dependencies.jobs_directory;
    inside.limits = dependencies.limits;
    inside.isolation = TRY(service->isolate(dependencies));
    service->choose_volumes(dependencies, inside.isolation);
    inside.publish = [store = dependencies.metrics](const training::JobId& job,
                                                    const std::vector<training::MetricPoint>& points) {
        publish(*store, job, points);
    };
    inside.instances = dependencies.settings.instances;
    inside.may = dependencies.may;
    inside.may_list = dependencies.may_list;
    inside.bucket_exists = dependencies.bucket_exists;
    service->training_ = TRY(training::Training::open(std::move(inside)));
    return service;
}

base::Result<void> TrainingService::start(Doors doors) {
    if (!warning_.empty()) base::log_warn(warning_);
    base::log_info("volumes of training jobs: " + volumes_);
    endpoints_.serve(*training_, doors.front, std::move(doors.options), std::move(doors.apis));
    credentials_ = TRY(CredentialsEndpoint::start(*training_, std::move(doors.front)));
    data_.set_endpoint(doors.endpoint, doors.region, std::move(doors.socket));
    training_->serve_at({doors.endpoint, credentials_->uri()});
    return {};
}

void TrainingService::stop() {
    training_->shutdown();
    if (credentials_) credentials_->stop();
}

}  // namespace server
