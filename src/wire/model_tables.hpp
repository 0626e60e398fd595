// What modelgen's generated files define. For model.cpp and them alone.
#pragma once

#include "wire/model.hpp"

namespace wire::tables {

extern const ServiceModel iam;
extern const ServiceModel sts;
extern const ServiceModel sagemaker;
extern const ServiceModel logs;
extern const ServiceModel cloudwatch;
extern const ServiceModel cloudtrail;
extern const ServiceModel accessanalyzer;
extern const ServiceModel trainwarden;

}  // namespace wire::tables
