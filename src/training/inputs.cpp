#include "training/inputs.hpp"

namespace training {

Inputs::Inputs(JobData& data, RoleSession& session, std::vector<std::string> workers, std::function<void()> on_failure)
    : data_(data), session_(session), workers_(std::move(workers)), on_failure_(std::move(on_failure)), read_(workers_.size()) {}

base::Result<void> Inputs::open(const Channel& channel, Transfer& transfer) {
    if (channel.mode == InputMode::file) return transfer.download_channel(channel, workers_);
    if (channel.mode == InputMode::fast_file) {
        auto objects = TRY(objects_of(data_, session_, channel, true));
        for (size_t host = 0; host < workers_.size(); ++host) {
            std::vector<ChannelObject> share;
            for (size_t place : share_of(channel, objects.size(), host, workers_.size())) share.push_back(objects[place]);
            mounts_.push_back(TRY(FastFileMount::mount(data_, session_, std::move(share),
                                                       workers_[host] + "/ml/input/data/" + channel.name, &read_[host])));
        }
        return {};
    }
    auto samples = std::make_shared<const std::vector<Sample>>(TRY(samples_of(data_, session_, channel)));
    for (size_t host = 0; host < workers_.size(); ++host) {
        pipes_.push_back(TRY(Pipe::start({.data = &data_,
                                          .session = &session_,
                                          .channel = channel,
                                          .samples = samples,
                                          .worker = workers_[host],
                                          .host = host,
                                          .hosts = workers_.size(),
                                          .bytes_read = &read_[host],
                                          .on_failure = [this](base::Error error) { broke(std::move(error)); }})));
    }
    return {};
}

void Inputs::broke(base::Error error) {
    {
        std::lock_guard lock(mutex_);
        if (failure_) return;
        failure_ = std::move(error);
    }
    on_failure_();
}

std::optional<base::Error> Inputs::failure() const {
    std::lock_guard lock(mutex_);
    return failure_;
}

}  // namespace training
