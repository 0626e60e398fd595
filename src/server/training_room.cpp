#include "server/training_room.hpp"

#include <cstdlib>
#include <filesystem>

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

}  // namespace

base::Result<std::unique_ptr<TrainingRoom>> TrainingRoom::open(const Parts& parts) {
    std::unique_ptr<TrainingRoom> room(new TrainingRoom);
    training::Training::Parts inside;
    inside.keys = parts.keys;
    inside.assume = training::assume_through(*parts.directory);
    inside.leases = &parts.directory->leases();
    inside.data = &room->data_;
    inside.clock = parts.clock;
    inside.random = parts.random;
    inside.folder = parts.jobs_directory;
    inside.hidden = private_places(parts);
    inside.instances = parts.instances;
    inside.may = parts.may;
    room->training_ = TRY(training::Training::open(std::move(inside)));
    return room;
}

base::Result<void> TrainingRoom::start(const std::string& endpoint, const std::string& region) {
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
