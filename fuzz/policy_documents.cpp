// Any bytes: what a simulator reads off a policy document agrees with what its parser makes of it.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/invariant.hpp"
#include "policy/context_keys.hpp"
#include "policy/policy.hpp"
#include "policy/statement_span.hpp"

namespace {

bool before(text::Position a, text::Position b) { return a.line < b.line || (a.line == b.line && a.column <= b.column); }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view document(reinterpret_cast<const char*>(data), size);
    const auto spans = policy::statement_spans(document);
    const auto keys = policy::context_keys(document);
    for (size_t i = 1; i < keys.size() && i < 64; ++i) INVARIANT(keys[i] != keys[i - 1]);
    for (size_t i = 0; i < spans.size(); ++i) {
        INVARIANT(before(spans[i].start, spans[i].end));
        INVARIANT(i == 0 || before(spans[i - 1].end, spans[i].start));
    }
    for (const auto kind : {policy::PolicyKind::identity, policy::PolicyKind::resource, policy::PolicyKind::trust}) {
        if (const auto parsed = policy::Policy::parse(document, kind)) INVARIANT(spans.size() == (*parsed)->statements().size());
    }
    return 0;
}
