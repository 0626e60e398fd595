#include "training/inputs.hpp"

#include "base/mutex.hpp"

namespace training {

Inputs::Inputs(JobData& data, RoleSession& session, std::vector<std::string> workers, std::function<void()> on_failure)
    : data_(data), session_(session), workers_(std::move(workers)), on_failure_(std::move(on_failure)), read_(workers_.size()) {}

base::Result<void> Inputs::open(const Channel& channel, Transfer& transfer) {
    if (channel.mode == InputMode::file) return transfer.download_channel(channel, workers_);
    const auto hosts = hosts_of(channel, workers_.size());
    if (channel.mode == InputMode::fast_file) {
        auto objects = TRY(objects_of(data_, session_, channel, true));
        for (size_t seat = 0; seat < hosts.size(); ++seat) {
            const size_t host = hosts[seat];
            std::vector<ChannelObject> share;
            for (size_t place : share_of(channel, objects.size(), seat, hosts.size())) share.push_back(objects[place]);
            mounts_.push_back(TRY(FastFileMount::mount(data_, session_, std::move(share),
                                                       workers_[host] + "/ml/input/data/" + channel.name, &read_[host])));
        }
        return {};
    }
    auto samples = std::make_shared<const std::vector<Sample>>(TRY(samples_of(data_, session_, channel)));
    for (size_t seat = 0; seat < hosts.size(); ++seat) {
        pipes_.push_back(TRY(Pipe::start({.data = &data_,
                                          .session = &session_,
                                          .channel = channel,
                                          .samples = samples,
                                          .worker = workers_[hosts[seat]],
                                          .host = seat,
                                          .hosts = hosts.size(),
                                          .bytes_read = &read_[hosts[seat]],
                                          .on_failure = [this](base::Error error) { broke(std::move(error)); }})));
    }
    return {};
}

void Inputs::broke(base::Error error) {
    {
        base::Lock lock(mutex_);
        if (failure_) return;
        failure_ = std::move(error);
    }
    on_failure_();
}

std::optional<base::Error> Inputs::failure() const {
    base::Lock lock(mutex_);
    return failure_;
}

}  // namespace training
