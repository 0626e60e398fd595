// The provider's connections in earnest: wire::Client, one set a region.

#include <thread>

#include "provider/aws_provider.hpp"

namespace provider {

using base::Result;

namespace {

class WireTransport final : public Transport {
public:
    explicit WireTransport(wire::ClientOptions options) : client_(std::move(options)) {}
    Result<text::Json> call(const std::string& service, const std::string& operation, const text::Json& input) override {
        return client_.call(service, operation, input);
    }
    Result<wire::S3Answer> s3(const wire::S3Call& call) override { return client_.s3(call); }

private:
    wire::Client client_;
};

}  // namespace

std::unique_ptr<Provider> make_aws_provider(AwsOptions options) {
    wire::ClientOptions client;
    client.endpoint = options.endpoint;
    client.access_key_id = options.access_key_id;
    client.secret_access_key = options.secret_access_key;
    client.session_token = options.session_token;
    client.socket = options.socket;
    const Connect connect = [client](const std::string& region) -> std::unique_ptr<Transport> {
        wire::ClientOptions of_region = client;
        of_region.region = region;
        return std::make_unique<WireTransport>(std::move(of_region));
    };
    return make_aws_provider(std::move(options), connect,
                             [](std::chrono::milliseconds pause) { std::this_thread::sleep_for(pause); });
}

}  // namespace provider
