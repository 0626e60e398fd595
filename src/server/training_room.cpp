#include "server/training_room.hpp"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "base/error_codes.hpp"
#include "base/log.hpp"
#include "crypto/digest.hpp"

namespace server {
namespace {

// The server's HOME may be another than its user's home folder (which workers never see): its settings are not for them.
std::vector<std::string> private_places(const TrainingRoom::Parts& parts) {
    std::vector<std::string> places = {parts.data_folder};
    if (!parts.master_key_file.empty()) places.push_back(std::filesystem::absolute(parts.master_key_file).string());
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
std::string name_of(const TrainingRoom::Parts& parts) { return crypto::hex(crypto::sha256(parts.data_folder)).substr(0, 12); }

std::string images_of(const TrainingRoom::Parts& parts) {
    return parts.settings.images.empty() ? parts.data_folder + "/images" : parts.settings.images;
}

// Where SageMaker's users look for them: namespace and dimensions are AWS's.
void publish(metrics::Store& store, const training::JobId& job, const std::vector<training::MetricPoint>& points) {
    std::vector<std::pair<metrics::Metric, metrics::Datum>> data;
    for (const auto& point : points) {
        metrics::Metric metric{job.account, job.region, "/aws/sagemaker/TrainingJobs", point.name, {}};
        if (point.host.empty()) {
            metric.dimensions = {{"TrainingJobName", job.name}};
        } else {
            metric.dimensions = {{"Host", job.name + "/" + point.host}};
        }
        data.emplace_back(std::move(metric), metrics::Datum::of(point.time, point.value, point.unit));
    }
    if (auto stored = store.put(data); !stored)
        base::log_error("metrics of the training job " + job.name + " could not be stored: " + stored.error().describe());
}

}  // namespace

base::Result<training::Isolation> TrainingRoom::isolate(const Parts& parts) {
    const std::string& wanted = parts.settings.isolation;
    if (wanted != "sandbox" && wanted != "best-effort" && wanted != "process") {
        return base::fail(base::Error(base::code::InvalidIsolation, "`" + wanted + "` is no way to isolate training jobs")
                              .note("--training-isolation is sandbox, best-effort or process"));
    }
    training::Isolation isolation;
    isolation.doors = &doors_;
    isolation.hidden = private_places(parts);
    if (wanted == "process" && parts.settings.launcher == "slurm") {
        return base::fail(base::Error(base::code::InvalidIsolation, "the launcher slurm runs workers in sandboxes alone")
                              .note("leave out --training-isolation=process"));
    }
    if (wanted == "process") {
        warning_ = "training jobs run as plain processes: they share this machine's network, processes and users";
        return isolation;
    }
    if (parts.settings.launcher == "slurm") return isolate_on_slurm(parts);
    if (parts.settings.launcher != "local") {
        return base::fail(base::Error(base::code::InvalidLauncher, "`" + parts.settings.launcher + "` launches no training jobs")
                              .note("--launcher is local or slurm"));
    }
    std::string name = name_of(parts);
    auto opened = sandbox::Sandboxes::open({.server = name,
                                            .scratch = parts.jobs_directory,
                                            .images = images_of(parts),
                                            .image_cache = parts.data_folder + "/image-cache",
                                            .shared = parts.settings.shared});
    if (opened) {
        sandboxes_ = std::move(*opened);
        isolation.sandboxes = sandboxes_.get();
        for (const auto& remark : sandboxes_->remarks()) base::log_info("training sandboxes: " + remark);
        return isolation;
    }
    if (opened.error().code != base::code::SandboxUnavailable) return base::fail(std::move(opened).error());
    if (wanted == "best-effort") {
        warning_ = "training jobs run as plain processes, because this machine permits no sandbox: " + opened.error().message;
        return isolation;
    }
    warning_ = "training jobs are refused, because this machine permits no sandbox: " + opened.error().message;
    isolation.refusal = base::Error(base::code::ValidationException,
                                    "Training jobs run in a sandbox, and this machine permits none (" + opened.error().message +
                                        "). To run them as plain processes, start the server with --training-isolation=process.");
    return isolation;
}

base::Result<training::Isolation> TrainingRoom::isolate_on_slurm(const Parts& parts) {
    // Two servers with one folder cannot be on one machine, but on two they can: the machine's name tells those apart.
    char machine[256] = "";
    ::gethostname(machine, sizeof machine - 1);
    slurm_ = TRY(slurm::Launcher::open({.options = parts.settings.slurm_options,
                                        .program = parts.settings.slurm_program,
                                        .server = name_of(parts) + "@" + machine,
                                        .images = images_of(parts),
                                        .image_cache = parts.data_folder + "/image-cache",
                                        .shared = parts.settings.shared,
                                        .doors = &doors_,
                                        .random = parts.random}));
    training::Isolation isolation;
    isolation.doors = &doors_;
    isolation.images = &slurm_->images();
    isolation.elsewhere = [this] { return slurm_->confine(); };
    return isolation;
}

base::Result<std::unique_ptr<TrainingRoom>> TrainingRoom::open(const Parts& parts) {
    std::unique_ptr<TrainingRoom> room(new TrainingRoom(parts));
    training::Training::Parts inside;
    inside.keys = parts.keys;
    inside.assume = parts.assume;
    inside.leases = &parts.directory->leases();
    inside.data = &room->data_;
    inside.logs = parts.logs;
    inside.clock = parts.clock;
    inside.random = parts.random;
    inside.folder = parts.jobs_directory;
    inside.isolation = TRY(room->isolate(parts));
    inside.publish = [store = parts.metrics](const training::JobId& job, const std::vector<training::MetricPoint>& points) {
        publish(*store, job, points);
    };
    inside.instances = parts.settings.instances;
    inside.may = parts.may;
    room->training_ = TRY(training::Training::open(std::move(inside)));
    return room;
}

base::Result<void> TrainingRoom::start(const std::string& endpoint, const std::string& region, http::Handler apis,
                                       std::function<void(const http::UnreadRequest&)> unread) {
    if (!warning_.empty()) base::log_warn(warning_);
    doors_.serve(*training_, std::move(apis), std::move(unread));
    credentials_ = TRY(CredentialsEndpoint::start(*training_));
    data_.set_endpoint(endpoint, region);
    training_->serve_at({endpoint, credentials_->uri()});
    return {};
}

void TrainingRoom::stop() {
    training_->shutdown();
    if (credentials_) credentials_->stop();
}

}  // namespace server
