// A gRPC client, as SDKs are, against the server: every call arrives and its answer returns.
#include "deploy/rpc/server.hpp"

#include <doctest/doctest.h>
#include <grpcpp/grpcpp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <thread>

#include "deploy/rpc/monitor.grpc.pb.h"
#include "machine.hpp"

using namespace deploy::rpc;
using provider::Property;
namespace proto = pulumirpc;

namespace {

struct Recorder final : Monitor {
    std::vector<Registration> registrations;
    std::vector<std::string> logs;
    Reply<Registered> held;
    std::atomic<bool> holds = false;
    Property outputs;
    void register_resource(Registration registration, Reply<Registered> reply) override {
        registrations.push_back(registration);
        if (registration.name == "never") {
            held = std::move(reply);
            holds = true;
            return;
        }
        reply(Registered{"urn:" + registration.name, "id-1",
                         Property(Property::Object{{"secret", Property::secret(Property("word"))}})});
    }
    void register_outputs(const std::string&, Property value) override { outputs = std::move(value); }
    void read_resource(Reading reading, Reply<Registered> reply) override {
        reply(Registered{"urn:read", reading.id, Property(Property::Object{})});
    }
    void invoke(Invocation invocation, Reply<Invoked> reply) override {
        reply(Invoked{Property(Property::Object{{"token", Property(invocation.token)}}), {{"p", "wrong"}}});
    }
    void finish(Reply<bool> reply) override { reply(true); }
    void log(Severity, std::string message, const std::string&, bool) override { logs.push_back(std::move(message)); }
    [[nodiscard]] DeploymentInfo info() const override {
        return {.project = "proj", .stack = "dev", .preview = true, .parallel = 3};
    }
};

struct Connected {
    Recorder monitor;
    std::unique_ptr<Server> server = *Server::start(monitor);
    std::shared_ptr<grpc::Channel> channel = grpc::CreateChannel(server->address(), grpc::InsecureChannelCredentials());
    std::unique_ptr<proto::ResourceMonitor::Stub> stub = proto::ResourceMonitor::NewStub(channel);
    std::unique_ptr<proto::Engine::Stub> engine = proto::Engine::NewStub(channel);
};

}  // namespace

TEST_CASE("a registration arrives whole, and its answer fits what the caller understands") {
    Connected connected;
    proto::RegisterResourceRequest request;
    request.set_type("aws:s3/bucket:Bucket");
    request.set_name("b");
    request.set_custom(true);
    request.set_protect(false);
    (*request.mutable_object()->mutable_fields())["n"].set_number_value(2);
    (*request.mutable_propertydependencies())["n"].add_urns("urn:a");
    request.add_aliases()->mutable_spec()->set_name("old");
    request.add_aliases()->set_urn("urn:older");
    request.mutable_sourceposition()->set_uri("file:///venv/site-packages/library.py");
    auto* frame = request.mutable_stacktrace()->add_frames()->mutable_pc();
    frame->set_uri("file:///my%20program/__main__.py");
    frame->set_line(7);
    proto::RegisterResourceResponse answer;
    grpc::ClientContext context;
    REQUIRE(connected.stub->RegisterResource(&context, request, &answer).ok());
    CHECK(answer.urn() == "urn:b");
    CHECK(answer.id() == "id-1");
    CHECK(answer.object().fields().at("secret").string_value() == "word");  // it does not accept secrets
    REQUIRE(connected.monitor.registrations.size() == 1);
    const Registration& got = connected.monitor.registrations[0];
    CHECK(got.inputs["n"] == Property(2));
    CHECK(got.protect == std::optional<bool>(false));
    CHECK_FALSE(got.retain_on_delete.has_value());
    CHECK_FALSE(got.delete_before_replace.has_value());
    CHECK(got.property_dependencies.at("n") == std::vector<std::string>{"urn:a"});
    REQUIRE(got.aliases.size() == 2);
    CHECK(got.aliases[0].name == "old");
    CHECK(got.aliases[1].urn == "urn:older");
    CHECK(got.source.file == "/my program/__main__.py");  // the user's file, not the library's
    CHECK(got.source.line == 7);

    request.set_acceptsecrets(true);
    grpc::ClientContext again;
    REQUIRE(connected.stub->RegisterResource(&again, request, &answer).ok());
    CHECK(answer.object().fields().at("secret").struct_value().fields().contains("value"));
}

TEST_CASE("the other calls") {
    Connected connected;
    google::protobuf::Empty empty;
    grpc::ClientContext c1, c2, c3, c4, c5, c6, c7;
    proto::DeploymentInfo info;
    REQUIRE(connected.stub->GetDeploymentInfo(&c1, empty, &info).ok());
    CHECK(info.project() == "proj");
    CHECK(info.dryrun());
    CHECK(info.parallel() == 3);
    proto::SupportsFeatureRequest feature;
    proto::SupportsFeatureResponse supported;
    feature.set_id("secrets");
    REQUIRE(connected.stub->SupportsFeature(&c2, feature, &supported).ok());
    CHECK(supported.hassupport());
    feature.set_id("transforms");
    REQUIRE(connected.stub->SupportsFeature(&c3, feature, &supported).ok());
    CHECK_FALSE(supported.hassupport());
    proto::ResourceInvokeRequest invoke;
    proto::InvokeResponse invoked;
    invoke.set_tok("aws:index/getRegion:getRegion");
    REQUIRE(connected.stub->Invoke(&c4, invoke, &invoked).ok());
    CHECK(invoked.return_().fields().at("token").string_value() == "aws:index/getRegion:getRegion");
    CHECK(invoked.failures(0).reason() == "wrong");
    proto::RegisterResourceOutputsRequest outputs;
    (*outputs.mutable_outputs()->mutable_fields())["o"].set_bool_value(true);
    REQUIRE(connected.stub->RegisterResourceOutputs(&c5, outputs, &empty).ok());
    CHECK(connected.monitor.outputs["o"] == Property(true));
    proto::LogRequest log;
    log.set_severity(3);
    log.set_message("said");
    REQUIRE(connected.engine->Log(&c6, log, &empty).ok());
    CHECK(connected.monitor.logs == std::vector<std::string>{"said"});
    REQUIRE(connected.stub->SignalAndWaitForShutdown(&c7, empty, &empty).ok());
}

TEST_CASE("what cannot be done is refused in words") {
    Connected connected;
    proto::RegisterResourceRequest request;
    proto::RegisterResourceResponse answer;
    grpc::ClientContext context;
    request.set_type("my:remote:Component");
    request.set_remote(true);
    CHECK(connected.stub->RegisterResource(&context, request, &answer).error_code() == grpc::StatusCode::INVALID_ARGUMENT);
    REQUIRE(connected.monitor.logs.size() == 1);
    CHECK(connected.monitor.logs[0].contains("my:remote:Component"));
    request.set_remote(false);
    request.mutable_replacement_trigger()->set_string_value("now");
    grpc::ClientContext again;
    CHECK(connected.stub->RegisterResource(&again, request, &answer).error_code() == grpc::StatusCode::INVALID_ARGUMENT);
    CHECK(connected.monitor.logs.back().contains("replacementTrigger"));
}

TEST_CASE("a stop answers who still waits, and a late reply is harmless") {
    Connected connected;
    grpc::Status status;
    std::thread waiting([&] {
        proto::RegisterResourceRequest request;
        proto::RegisterResourceResponse answer;
        grpc::ClientContext context;
        request.set_name("never");
        status = connected.stub->RegisterResource(&context, request, &answer);
    });
    while (!connected.monitor.holds) std::this_thread::yield();
    connected.server->stop();
    waiting.join();
    CHECK(status.error_code() == grpc::StatusCode::UNAVAILABLE);
    connected.monitor.held(Registered{});
}

namespace {

constexpr uid_t nobody = 65534;

// What a process of the user `uid` gets from the socket: the error of its connect, or 0 and whether it was sent anything.
struct Reached {
    int error = 0;
    bool served = false;
};
Reached reach(const std::string& path, uid_t uid) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    const pid_t child = ::fork();
    if (child == 0) {
        if (uid != ::geteuid() && ::setresuid(uid, uid, uid) != 0) ::_exit(125);
        const int file = ::socket(AF_UNIX, SOCK_STREAM, 0);
        if (::connect(file, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) ::_exit(errno);
        char byte = 0;
        ::_exit(::recv(file, &byte, 1, 0) == 1 ? 126 : 0);  // a gRPC server speaks first; one that hangs up says nothing
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    const int code = WEXITSTATUS(status);
    REQUIRE(code != 125);
    return code == 126 ? Reached{0, true} : Reached{code, false};
}

}  // namespace

TEST_CASE("only processes of this user are answered") {
    Connected connected;
    REQUIRE(connected.server->address().starts_with("unix:/"));
    const std::filesystem::path path = connected.server->address().substr(5);
    using std::filesystem::perms;
    CHECK(std::filesystem::status(path.parent_path()).permissions() == perms::owner_all);
    CHECK(reach(path, ::geteuid()).served);
    NEEDS("root");  // it takes root to become another user
    CHECK(reach(path, nobody).error == EACCES);
    // Were the folder open (a file system without modes): the peer's uid alone keeps others out.
    std::filesystem::permissions(path.parent_path(), perms::all);
    std::filesystem::permissions(path, perms::all);
    const Reached reached = reach(path, nobody);
    CHECK(reached.error == 0);
    CHECK_FALSE(reached.served);
    connected.server->stop();
    CHECK_FALSE(std::filesystem::exists(path.parent_path()));
}
