#include "training/stored_request.hpp"

#include <utility>

#include "model/stored.hpp"

namespace training {

namespace {

const model::Shape& shape() { return *model::sagemaker::CreateTrainingJob::operation.input; }

}  // namespace

StoredRequestPtr keep(model::sagemaker::CreateTrainingJobRequest asked, text::Json unknown) {
    asked.tags.reset();
    return std::make_shared<const StoredRequest>(std::move(asked), std::move(unknown));
}

StoredRequestPtr stored_request_from(const text::Json& json) {
    auto request = std::make_shared<StoredRequest>();
    request->unknown = model::read_stored(shape(), json, &request->asked);
    return request;
}

text::Json to_json(const StoredRequest& request) { return model::write_stored(shape(), &request.asked, request.unknown); }

}  // namespace training
