// Which ARNs the resources of a service have, by AWS's Service Authorization Reference; and whether a pattern can be one of them.
#pragma once

#include <string_view>
#include <vector>

namespace lint {

// `arn:${Partition}:s3:::${BucketName}`: every format of a service's ARNs (the third segment), sorted. Empty for one that the reference does not have.
[[nodiscard]] const std::vector<std::string_view>& formats_of_service(std::string_view service);

// Can one text match both? Patterns of `*` and `?`; `${...}` in either is something, whatever it is. The product of the lengths is the cost.
[[nodiscard]] bool can_meet(std::string_view pattern, std::string_view other);

// The six segments of an ARN; the last holds what is left.
struct ArnSegments {
    std::string_view prefix, partition, service, region, account, resource;
    size_t count = 0;  // how many there are: 6 at most
};
[[nodiscard]] ArnSegments segments_of(std::string_view arn);

// Can the pattern be an ARN of this format? A `*` at the end of a segment may run past its colon.
[[nodiscard]] bool can_be(std::string_view pattern, std::string_view format);

}  // namespace lint
