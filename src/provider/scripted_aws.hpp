// An AWS for tests: answers from a table that the test fills, and a record of what was asked.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "provider/aws_provider.hpp"

namespace provider {

struct ScriptedAws {
    // Answers by operation (`CreateRole`) or, for S3, `METHOD bucket/key?query`. The last answer of a list stays.
    std::map<std::string, std::deque<base::Result<text::Json>>> calls;
    std::map<std::string, std::deque<base::Result<wire::S3Answer>>> requests;
    std::vector<std::string> asked;
    std::vector<text::Json> inputs;
    std::vector<wire::S3Call> s3_calls;
    std::chrono::milliseconds slept{0};
    std::mutex mutex;

    void answer(const std::string& operation, const std::string& json) { calls[operation].emplace_back(text::parse_json(json)); }
    void refuse(const std::string& operation, const std::string& code, const std::string& message = "refused") {
        calls[operation].emplace_back(base::fail(code, message));
    }
    void answer_s3(const std::string& request, const std::string& body = "") {
        requests[request].emplace_back(wire::S3Answer{.status = 200, .headers = {}, .body = body});
    }
    void refuse_s3(const std::string& request, const std::string& code) {
        requests[request].emplace_back(base::fail(code, "refused"));
    }
    [[nodiscard]] bool was_asked(const std::string& what) const { return std::ranges::find(asked, what) != asked.end(); }

    [[nodiscard]] Connect connect();
    [[nodiscard]] Sleep sleep() {
        return [this](std::chrono::milliseconds pause) { slept += pause; };
    }
    [[nodiscard]] std::unique_ptr<Provider> provider(const std::string& endpoint) {
        return make_aws_provider({.endpoint = endpoint, .region = "us-east-1"}, connect(), sleep());
    }
};

class ScriptedTransport final : public Transport {
public:
    explicit ScriptedTransport(ScriptedAws& aws) : aws_(aws) {}

    base::Result<text::Json> call(const std::string&, const std::string& operation, const text::Json& input) override {
        const std::lock_guard lock(aws_.mutex);
        aws_.asked.push_back(operation);
        aws_.inputs.push_back(input);
        return next(aws_.calls, operation);
    }

    base::Result<wire::S3Answer> s3(const wire::S3Call& call) override {
        const std::lock_guard lock(aws_.mutex);
        std::string request = call.method + " " + call.bucket;
        if (!call.key.empty()) request += "/" + call.key;
        if (!call.query.empty()) request += "?" + call.query;
        aws_.asked.push_back(request);
        aws_.s3_calls.push_back(call);
        return next(aws_.requests, request);
    }

private:
    template <class T>
    static base::Result<T> next(std::map<std::string, std::deque<base::Result<T>>>& script, const std::string& what) {
        auto& answers = script[what];
        if (answers.empty()) return base::fail("NotScripted", what);
        auto answer = answers.front();
        if (answers.size() > 1) answers.pop_front();
        return answer;
    }

    ScriptedAws& aws_;
};

inline Connect ScriptedAws::connect() {
    return [this](const std::string&) { return std::make_unique<ScriptedTransport>(*this); };
}

}  // namespace provider
