// The directory under a new master key: from one moment on everything is sealed under it; what former keys sealed is opened by them,
// and sealed anew a page at a time.
#include "crypto/digest.hpp"
#include "identity/records.hpp"
#include "identity/sealed_secret.hpp"
#include "identity/state.hpp"

namespace identity {

std::shared_ptr<const DirectoryState::Sealing> DirectoryState::sealing_of(const MasterKeys& keys) {
    auto out = std::make_shared<Sealing>();
    out->sessions.push_back(derive_session_keys(keys.current));
    out->secrets.push_back(secrets_key_of(keys.current));
    for (const auto& former : keys.former) {
        out->secrets.push_back(secrets_key_of(former.key));
        if (!former.sessions_ended) out->sessions.push_back(derive_session_keys(former.key));
    }
    for (const auto& tokens : keys.tokens) out->sessions.push_back(tokens.keys);
    return out;
}

void DirectoryState::use_master_keys(const MasterKeys& keys) {
    auto next = sealing_of(keys);
    // Who writes has sealed and committed, or seals with the new key.
    const base::Lock writing(writer_);
    // Who authenticates holds `mutex_` while it compares what opened a token with what is here.
    const base::Lock lock(mutex_);
    version_.fetch_add(1, std::memory_order_acq_rel);
    const base::Lock sealing_lock(sealing_mutex_);
    sealing_ = std::move(next);
}

base::Result<Directory::Resealed> DirectoryState::reseal(const std::string& next, size_t most) {
    const std::string prefix = "iam/key/";
    const auto keys = sealing();
    const auto page = TRY(dependencies_.keys->scan({.prefix = prefix, .from = next, .limit = most}));
    Resealed out{.looked_at = page.size(), .resealed = 0, .next = page.size() < most ? "" : page.back().key + '\0'};
    store::Batch batch;
    for (const auto& entry : page) {
        AccessKey key = TRY(read_access_key(entry.value));
        auto opened = TRY(open_secret(key, keys->secrets));
        if (opened.by == 0) continue;
        key.secret = std::move(opened.secret);
        // Beside the writers: what one of them has changed meanwhile fails the commit, and the page is looked at again.
        batch.expect(entry.key, entry.value)
            .put(entry.key, write_record(key, seal_secret(key, keys->secrets.front(), *dependencies_.random)));
        ++out.resealed;
    }
    if (out.resealed != 0) TRY(dependencies_.keys->commit(batch));
    return out;
}

}  // namespace identity
