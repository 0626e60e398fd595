// The condition keys of one question, in layers that stay where they are: nothing is merged to decide.
//
//   front      what a question about a hypothetical request supposes
//   computed   the request's global keys, each worked out when a condition first asks for it
//   layers     the principal's, its lease's, the resource's, the request's, in this order
//
// The first layer that has a key says what it is: so nothing that a client sends, and no tag of a resource, sets a global key.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "base/invariant.hpp"
#include "policy/request.hpp"

namespace policy {

// Keys whose values are worked out when they are asked for. One request, one thread.
class ComputedKeys {
public:
    using Entry = Context::Entry;
    virtual ~ComputedKeys() = default;
    [[nodiscard]] const Entry* find(uint64_t key_hash, std::string_view lower_key) const {
        return (present() >> (key_hash & 63) & 1) == 0 ? nullptr : compute(key_hash, lower_key);
    }
    // The bit hash % 64 of every key that there may be.
    [[nodiscard]] virtual uint64_t present() const = 0;
    [[nodiscard]] virtual bool has_ambiguous() const = 0;
    // All of them, for records and explanations: what `into` has already is replaced.
    virtual void add_to(Context& into) const = 0;

private:
    // nullptr if the request has no such key. What it points to stays while the request is decided.
    [[nodiscard]] virtual const Entry* compute(uint64_t key_hash, std::string_view lower_key) const = 0;
};

class ContextView {
public:
    using Entry = Context::Entry;
    static constexpr size_t layers_max = 4;

    ContextView() = default;
    ContextView(const Context& alone) : ContextView(nullptr, nullptr, {&alone}) {}  // NOLINT(google-explicit-constructor)
    // nullptr: there is no such layer. All must outlive the view, unchanged.
    ContextView(const Context* front, const ComputedKeys* computed, std::initializer_list<const Context*> layers)
        : front_(front), computed_(computed) {
        if (front) add(*front);
        if (computed) {
            present_ |= computed->present();
            has_ambiguous_ = has_ambiguous_ || computed->has_ambiguous();
        }
        for (const Context* layer : layers) {
            if (layer == nullptr || layer->entries().empty()) continue;
            INVARIANT(count_ < layers_max);
            layers_[count_++] = layer;
            add(*layer);
        }
    }

    [[nodiscard]] const Entry* find(uint64_t key_hash, std::string_view lower_key) const {
        if ((present_ >> (key_hash & 63) & 1) == 0) return nullptr;
        if (front_)
            if (const auto* found = front_->find(key_hash, lower_key)) return found;
        if (computed_)
            if (const auto* found = computed_->find(key_hash, lower_key)) return found;
        for (size_t i = 0; i < count_; ++i)
            if (const auto* found = layers_[i]->find(key_hash, lower_key)) return found;
        return nullptr;
    }
    [[nodiscard]] const Entry* find(std::string_view key) const;  // any case
    // Has any layer an ambiguous key (R81)? It may be one that a layer before it replaces.
    [[nodiscard]] bool has_ambiguous() const { return has_ambiguous_; }
    // Everything that `find` would find, for records and explanations.
    [[nodiscard]] Context merged() const;

private:
    void add(const Context& layer) {
        present_ |= layer.present();
        has_ambiguous_ = has_ambiguous_ || layer.has_ambiguous();
    }

    const Context* front_ = nullptr;
    const ComputedKeys* computed_ = nullptr;
    std::array<const Context*, layers_max> layers_{};
    size_t count_ = 0;
    uint64_t present_ = 0;
    bool has_ambiguous_ = false;
};

}  // namespace policy
