// What AWS calls its services. Generated from the Service Authorization Reference by tools/service_names.py.
#pragma once

#include <span>
#include <string_view>

namespace services::iam {

struct ServiceName {
    std::string_view prefix, name;  // s3, Amazon S3
};

// By prefix.
[[nodiscard]] std::span<const ServiceName> service_names();

}  // namespace services::iam
