// Amazon S3 over objects::Storage. What each call needs says models/s3.yaml.

//
// Sources: Amazon S3 API Reference; Service Authorization Reference, "Actions, resources, and condition keys for Amazon S3".
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "gate/gate.hpp"
#include "objects/storage.hpp"

namespace services::s3 {

struct Dependencies {
    objects::Storage* storage = nullptr;
    const base::Clock* clock = nullptr;
    std::vector<std::string> regions;  // that are served: where buckets may be made
    // identity::Directory::unique_id: the principal that a bucket policy names by this ARN, if there is one.
    std::function<std::optional<std::string>(const std::string& arn)> principal_id;
};

// What the dependencies point at outlives the registry.
void add_operations(gate::Registry& registry, const Dependencies& dependencies);

}  // namespace services::s3
