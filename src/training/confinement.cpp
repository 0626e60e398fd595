#include "training/confinement.hpp"

#include <unistd.h>

#include <atomic>
#include <cstdint>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "sandbox/launch.hpp"
#include "sandbox/mounts.hpp"
#include "sandbox/network.hpp"
#include "training/image_code.hpp"
#include "training/script_launcher.hpp"

namespace training {
namespace {

std::unexpected<base::Error> internal(const base::Error& error) { return base::fail(base::code::InternalError, error.message); }

class PlainProcesses final : public Confinement {
public:
    explicit PlainProcesses(std::vector<std::string> hidden)
        : hidden_(std::move(hidden)), private_mounts_(private_mounts_available()) {}

    base::Result<void> begin(const Plan& plan, std::vector<WorkerPlace>& places, const Attempt&) override {
        if (plan.network_isolation)
            return base::fail(base::code::InternalError,
                              "EnableNetworkIsolation needs a sandbox, and workers are plain processes here");
        std::string home = home_of_server();
        int port = free_port();
        for (auto& place : places) {
            place.base = private_mounts_ ? "/opt/ml" : place.folder + "/ml";
            place.home = private_mounts_ ? (home == "/" ? "/tmp" : home) : place.folder + "/home";
            // The hosts share the loopback: only the port tells jobs apart.
            place.network_interface = "lo";
            place.master_address = "127.0.0.1";
            place.master_port = port;
        }
        return {};
    }

    base::Result<LaunchedProcess> launch(const WorkerPlace& place, const std::string& host_name, std::vector<std::string> command,
                                         Environment environment, std::string working_directory) override {
        LaunchRequest request;
        request.command = std::move(command);
        request.environment = std::move(environment);
        request.worker_folder = place.folder;
        request.working_directory = std::move(working_directory);
        request.host_name = host_name;
        request.hidden = hidden_;
        request.private_mounts = private_mounts_;
        return training::launch(request);
    }

    std::vector<std::string> remarks(const WorkerPlace& place) const override {
        if (private_mounts_) return {};
        return {"this machine permits no private mounts: /opt/ml is " + place.base + " (see SM_MODEL_DIR, SM_CHANNEL_*)"};
    }

    bool memory_was_exhausted(size_t) const override { return false; }

private:
    std::vector<std::string> hidden_;
    bool private_mounts_;
};

}  // namespace

base::Result<sandbox::SocketAddress> address_of(const std::string& url) {
    std::string_view rest = url;
    if (auto scheme = rest.find("://"); scheme != std::string_view::npos) rest.remove_prefix(scheme + 3);
    auto colon = rest.rfind(':');
    if (colon == std::string_view::npos)
        return base::fail(base::code::InternalError, "the server's endpoint " + url + " names no port");
    std::string address(rest.substr(0, colon));
    if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
    if (address == "localhost") address = "127.0.0.1";
    return sandbox::SocketAddress{address, static_cast<uint16_t>(std::stoi(std::string(rest.substr(colon + 1))))};
}

namespace {

class Sandboxed final : public Confinement {
public:
    Sandboxed(sandbox::Sandboxes& sandboxes, WorkerEndpoints& endpoints) : sandboxes_(sandboxes), endpoints_(endpoints) {}

    base::Result<void> begin(const Plan& plan, std::vector<WorkerPlace>& places, const Attempt&) override {
        reaches_server_ = !plan.network_isolation;
        // The machine's own programs may want the machine's own folders; an image has its own.
        if (sandbox::is_host_image(plan.image)) shared_ = sandboxes_.shared();
        auto image = sandboxes_.images().find(plan.image);
        if (!image) return base::fail(base::code::ClientError, image.error().message);
        image_ = std::move(*image);
        auto owner = sandboxes_.take_owner();
        if (!owner) return internal(owner.error());
        owner_ = std::move(*owner);
        std::vector<std::string> addresses;
        if (reaches_server_) {
            server_ = TRY(address_of(places.front().aws_endpoint));
            addresses = {server_.address, std::string(sandbox::container_credentials_address),
                         std::string(sandbox::instance_metadata_address)};
        }
        auto network = sandbox::Network::make(places.size(), addresses);
        if (!network) return internal(network.error());
        network_ = std::move(*network);
        hosts_ = hosts_file(plan);
        limits_.resize(places.size());
        furnish_sandboxes(plan, image_, reaches_server_, places);
        return {};
    }

    base::Result<LaunchedProcess> launch(const WorkerPlace& place, const std::string& host_name, std::vector<std::string> command,
                                         Environment environment, std::string working_directory) override {
        auto ready = open_endpoints(place);
        if (ready) ready = sandbox::write_settings(place.folder, host_name, hosts_);
        if (ready) ready = sandbox::give_folder(place.folder, owner_.user());
        if (!ready) return internal(ready.error());
        auto limits = sandboxes_.limit(
            std::to_string(next_name()) + "-" + host_name,
            {.cpus = static_cast<double>(place.cpus), .memory_bytes = place.memory_bytes, .processes_max = processes_max});
        if (!limits) return internal(limits.error());
        limits_[place.index] = std::move(*limits);
        sandbox::Task task;
        task.command = std::move(command);
        task.environment = std::move(environment);
        task.working_directory = std::move(working_directory);
        task.host_name = host_name;
        task.worker_folder = place.folder;
        task.image = image_;
        task.shared = shared_;
        task.owner = owner_.user();
        task.gpus = place.gpus > 0;
        task.user_namespace = network_->user_namespace();
        task.network = network_->namespace_of(place.index);
        task.limits = limits_[place.index].get();
        auto launched = TRY(sandbox::launch(task));
        LaunchedProcess process;
        process.process = launched.process;
        process.ended = std::move(launched.ended);
        process.output = std::move(launched.output);
        process.control = std::move(launched.control);
        return process;
    }

    std::vector<std::string> remarks(const WorkerPlace&) const override { return {}; }

    bool memory_was_exhausted(size_t worker) const override { return limits_[worker] && limits_[worker]->memory_was_exhausted(); }

private:
    static uint64_t next_name() {
        static std::atomic<uint64_t> number{0};
        return ++number;
    }

    base::Result<void> open_endpoints(const WorkerPlace& place) {
        if (!reaches_server_) return {};
        auto listeners = TRY(network_->listen(place.index, {server_,
                                                            {std::string(sandbox::container_credentials_address), 80},
                                                            {std::string(sandbox::instance_metadata_address), 80}}));
        opened_endpoints_.push_back(
            endpoints_.open({std::move(listeners[0]), std::move(listeners[1]), std::move(listeners[2])}, place.token));
        return {};
    }

    sandbox::Sandboxes& sandboxes_;
    WorkerEndpoints& endpoints_;
    bool reaches_server_ = true;
    std::vector<std::string> shared_;
    sandbox::Image image_;
    sandbox::SocketAddress server_;
    std::string hosts_;
    // In the order of their making: who leaves last was there first.
    sandbox::Owner owner_;
    std::unique_ptr<sandbox::Network> network_;
    std::vector<std::unique_ptr<WorkerEndpoints::Opened>> opened_endpoints_;
    std::vector<std::unique_ptr<sandbox::ControlGroup>> limits_;
};

}  // namespace

void furnish_sandboxes(const Plan& plan, const sandbox::Image& image, bool reaches_server, std::vector<WorkerPlace>& places) {
    for (auto& place : places) {
        place.sandboxed = true;
        place.reaches_server = reaches_server;
        place.base = "/opt/ml";
        place.home = sandbox::worker_home;
        place.network_interface = sandbox::network_interface;
        place.master_address = plan.hosts.front();
        place.master_port = rendezvous_port;
        place.image_environment = image.environment;
        place.image_entry_point = image.entry_point;
        place.image_directory = image.directory;
        place.image_root = image.root;
        if (!image.root.empty()) place.python = python_of(image.root, image.environment);
    }
}

std::string hosts_file(const Plan& plan) {
    std::string hosts = "127.0.0.1 localhost\n::1 localhost\n";
    for (size_t i = 0; i < plan.hosts.size(); ++i) hosts += sandbox::Network::address_of(i) + " " + plan.hosts[i] + "\n";
    return hosts;
}

std::unique_ptr<Confinement> confine(const Isolation& isolation) {
    if (isolation.elsewhere) return isolation.elsewhere();
    if (isolation.sandboxes != nullptr) return std::make_unique<Sandboxed>(*isolation.sandboxes, *isolation.endpoints);
    return std::make_unique<PlainProcesses>(isolation.hidden);
}

}  // namespace training
