// The settings that a bucket states itself, in the older shape of its type: forwarded to the operations that the resource types of their
// own use, or refused with the name of that type.
#pragma once

#include <string>
#include <vector>

#include "provider/bucket_setting.hpp"

namespace provider {

struct InlineSetting {
    BucketSetting setting;  // of one rule: the bucket's property
    std::string held_as;    // the first token of the type that manages the same thing
    [[nodiscard]] const std::string& property() const { return setting.rules.front().name; }
};

[[nodiscard]] const std::vector<InlineSetting>& inline_settings();
// The rules of a bucket with those of its inline settings and of what it refuses.
[[nodiscard]] std::vector<Rule> with_inline_rules(std::vector<Rule> rules);
// Does the bucket say anything of it?
[[nodiscard]] bool is_declared(const InlineSetting& setting, const Property& bucket);
[[nodiscard]] bool has_object_lock(const Property& bucket);

[[nodiscard]] base::Result<void> put_inline(Aws& aws, const InlineSetting& setting, const std::string& bucket,
                                            const Property& news);
[[nodiscard]] base::Result<void> read_inline(Aws& aws, const InlineSetting& setting, const std::string& bucket,
                                             const std::string& region, const Property& known, Property& outputs);

}  // namespace provider
