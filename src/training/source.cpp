#include "training/source.hpp"

#include "base/error_codes.hpp"
#include "crypto/digest.hpp"

namespace training {
namespace {

constexpr std::string_view data_folder = "/opt/ml/input/data/";

// Does a word of the job's command name something inside of the channel's folder? The folder itself is an argument as any data's.
bool is_run_from(const std::string& channel, const std::vector<std::string>& words) {
    const std::string inside = std::string(data_folder) + channel + "/";
    for (const auto& word : words) {
        for (size_t at = word.find(inside); at != std::string::npos; at = word.find(inside, at + 1)) {
            const size_t end = at + inside.size();
            if (end < word.size() && word.find_first_of(" \t\n;&|'\")", end) != end) return true;
        }
    }
    return false;
}

}  // namespace

bool is_pinned(const Channel& channel, const Plan& plan) {
    return channel.manifest || channel.augmented || channel.name == "code" || channel.name == "sm_drivers" ||
           is_run_from(channel.name, plan.command) || is_run_from(channel.name, plan.arguments);
}

base::Result<PinnedSource> pin_source(JobData& data, RoleSession& session, const Plan& plan) {
    PinnedSource pinned;
    pinned.sha256 = plan.source_sha256;
    if (plan.submit_directory) {
        auto found = data.stat(TRY(credentials_of(session)), *plan.submit_directory);
        if (!found) {
            return base::fail(base::code::ClientError, "Data download failed:Unable to download object " +
                                                           plan.submit_directory->text() + " " + reason(found.error()));
        }
        pinned.etag = found->etag;
        pinned.size = found->size;
    }
    for (const auto& channel : plan.channels) {
        if (is_pinned(channel, plan)) pinned.channels[channel.name] = TRY(digest_of(data, session, channel));
    }
    return pinned;
}

base::Result<std::string> digest_of(JobData& data, RoleSession& session, const Channel& channel) {
    if (channel.manifest || channel.augmented) {
        auto found = data.stat(TRY(credentials_of(session)), channel.source);
        if (!found) {
            return base::fail(base::code::ClientError, "Data download failed:Unable to download object " + channel.source.text() +
                                                           " " + reason(found.error()));
        }
        return digest_of({ChannelObject{channel.source, found->size, found->etag, ""}});
    }
    return digest_of(TRY(objects_of(data, session, channel, false)));
}

}  // namespace training
