// Names for resources that the program does not name: `<logical name>-<7 hex digits>`, as Pulumi makes them.
//
// One departure: a bucket called `ml_data_bucket` becomes `ml-data-bucket-1a2b3c4`, because S3 refuses underscores, where
// Pulumi only lowers the case and lets S3 refuse. `strict_names` gives Pulumi's behaviour.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "provider/schema.hpp"

namespace provider {

// `prefix` (from `namePrefix`, may be empty) takes the place of the logical name and its dash. Too long a name loses its middle,
// never its digits.
[[nodiscard]] std::string automatic_name(const NameRule& rule, std::string_view logical_name, std::string_view prefix,
                                         std::string_view random_hex, bool strict_names);

// A name that the program gave: what AWS would refuse is said before anything is touched.
void check_given_name(const NameRule& rule, const Property& name, std::vector<CheckFailure>& failures);

}  // namespace provider
