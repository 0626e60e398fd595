#include "base/decision.hpp"

namespace base {

thread_local DecisionScope* DecisionScope::here_ = nullptr;

DecisionScope::DecisionScope() : outer_(here_) { here_ = this; }

DecisionScope::~DecisionScope() { here_ = outer_; }

void DecisionScope::add(std::string key, std::string state) {
    const auto [found, first] = seen_.try_emplace(std::move(key), state);
    if (!first && found->second != state && !changed_) changed_ = found->first;
}

Result<void> DecisionScope::compare(const std::string& key, std::string_view state) const {
    const auto found = seen_.find(key);
    if (found == seen_.end() || found->second == state) return {};
    return fail_outdated(key);
}

bool DecisionScope::has_seen(std::string_view kind, std::string_view key) {
    return here_ != nullptr && here_->seen_.contains(std::string(kind) + " " + std::string(key));
}

Result<void> DecisionScope::check() {
    if (here_ == nullptr || here_->acted_ || !here_->changed_) return {};
    return fail_outdated(*here_->changed_);
}

void DecisionScope::acted() {
    if (here_ != nullptr) here_->acted_ = true;
}

}  // namespace base
