#include "server/master_key_rotation.hpp"

#include "base/error_codes.hpp"
#include "base/log.hpp"

namespace server {

std::vector<std::string> opening_keys_of(const identity::MasterKeys& keys) {
    std::vector<std::string> out{keys.current};
    for (const auto& former : keys.former) out.push_back(former.key);
    return out;
}

MasterKeyRotation::MasterKeyRotation(const DataFolder& folder, identity::Directory& directory,
                                     objects::EncryptionKeys& object_keys, const base::Clock& clock, crypto::Random& random)
    : folder_(folder), directory_(directory), object_keys_(object_keys), clock_(clock), random_(random) {
    state_.keys = folder.master_keys();
    state_.is_rotating = !state_.keys.former.empty();
    if (state_.is_rotating) base::log_info("the rotation of the master key goes on where the last server ended");
}

base::Result<void> MasterKeyRotation::use(const identity::MasterKeys& keys) {
    TRY(folder_.write_master_keys(keys, random_));
    directory_.use_master_keys(keys);
    object_keys_.use_master_keys(opening_keys_of(keys));
    state_.keys = keys;
    state_.is_rotating = !keys.former.empty();
    return {};
}

base::Result<void> MasterKeyRotation::begin(bool end_sessions) {
    const base::Lock lock(mutex_);
    const auto now = without_expired(state_.keys, clock_.now());
    const auto next = TRY(rotated(now, random_.bytes(identity::master_key_bytes), end_sessions));
    TRY(use(next));
    state_.looked_at = state_.resealed = pass_resealed_ = 0;
    next_.clear();
    base::log_info(std::string("another master key seals from now on") +
                   (end_sessions ? "; the sessions of the former are ended" : ""));
    return {};
}

bool MasterKeyRotation::step() {
    const base::Lock lock(mutex_);
    base::Result<void> done;
    bool had_work = true;
    if (state_.is_rotating) {
        done = reseal();
    } else if (const auto kept = without_expired(state_.keys, clock_.now()); kept.tokens.size() != state_.keys.tokens.size()) {
        done = use(kept);
        if (done) base::log_info("the session tokens of a former master key have all expired: what opened them is gone");
    } else {
        had_work = false;
    }
    if (done) return had_work;
    base::log_error("the rotation of the master key waits: " + done.error().describe());
    return false;
}

base::Result<void> MasterKeyRotation::reseal() {
    if (next_.empty()) {
        const size_t keys_of_objects = TRY(object_keys_.reseal());
        state_.looked_at += keys_of_objects;
        state_.resealed += keys_of_objects;
        pass_resealed_ += keys_of_objects;
    }
    const auto resealed = directory_.reseal(next_, resealed_at_once);
    // A key was changed meanwhile: the same page once more.
    if (!resealed && resealed.error().code == base::code::Conflict) return {};
    if (!resealed) return base::fail(resealed.error());
    next_ = resealed->next;
    state_.looked_at += resealed->looked_at;
    state_.resealed += resealed->resealed;
    pass_resealed_ += resealed->resealed;
    if (!next_.empty()) return {};
    if (std::exchange(pass_resealed_, 0) != 0) {
        state_.looked_at = 0;  // once more from the first: the last pass must find nothing to do
        return {};
    }
    // A crash may have come between the key file and the folder's proof: that is under the new key before the former one goes.
    TRY(folder_.write_master_keys(state_.keys, random_));
    TRY(use(identity::resealed(state_.keys, clock_.now())));
    base::log_info("the master key is rotated: no record needs the former one any more");
    return {};
}

MasterKeyRotation::State MasterKeyRotation::state() const {
    const base::Lock lock(mutex_);
    return state_;
}

}  // namespace server
