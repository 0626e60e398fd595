#include "model/services.hpp"

#include <array>

#include "model/iam/service.hpp"
#include "model/logs/service.hpp"
#include "model/monitoring/service.hpp"
#include "model/sagemaker/service.hpp"
#include "model/sts/service.hpp"
#include "model/trainwarden/service.hpp"

namespace model {

std::span<const Service* const> services() {
    static constexpr std::array<const Service*, 6> all = {&iam::service,  &sts::service,        &sagemaker::service,
                                                          &logs::service, &monitoring::service, &trainwarden::service};
    return all;
}

}  // namespace model
