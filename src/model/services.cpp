#include "model/services.hpp"

#include <array>

#include "model/cloudtrail/service.hpp"
#include "model/iam/service.hpp"
#include "model/logs/service.hpp"
#include "model/monitoring/service.hpp"
#include "model/s3/service.hpp"
#include "model/s3control/service.hpp"
#include "model/sagemaker/service.hpp"
#include "model/sts/service.hpp"
#include "model/trainwarden/service.hpp"

namespace model {

std::span<const Service* const> services() {
    static constexpr auto all =
        std::to_array<const Service*>({&iam::service, &sts::service, &s3::service, &s3control::service, &sagemaker::service,
                                       &logs::service, &monitoring::service, &cloudtrail::service, &trainwarden::service});
    return all;
}

}  // namespace model
