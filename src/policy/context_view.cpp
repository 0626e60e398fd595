#include "policy/context_view.hpp"

#include "base/strings.hpp"
#include "policy/hash.hpp"

namespace policy {

const ContextView::Entry* ContextView::find(std::string_view key) const {
    const auto lower = base::lower(key);
    return find(hash_of(lower), lower);
}

Context ContextView::merged() const {
    Context out;
    for (size_t i = count_; i > 0; --i) out.merge(*layers_[i - 1]);
    if (computed_) computed_->add_to(out);
    if (front_) out.merge(*front_);
    return out;
}

}  // namespace policy
