// The one file that serves gRPC.
#include "deploy/rpc/server.hpp"

#include <grpcpp/grpcpp.h>
#include <grpcpp/server_posix.h>

#include <algorithm>
#include <set>

#include "base/error_codes.hpp"
#include "base/mutex.hpp"
#include "deploy/rpc/monitor.grpc.pb.h"
#include "deploy/rpc/private_socket.hpp"
#include "deploy/rpc/struct.hpp"
#include "text/uri.hpp"

namespace deploy::rpc {

namespace {

namespace proto = pulumirpc;
using google::protobuf::Empty;
using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;

// Pulumi's own limit: programs send whole files as properties.
constexpr int message_bytes_max = 400 * 1024 * 1024;

// One call that has not been answered. Its reply and the server's stop may race: the first one answers.
class Pending {
public:
    explicit Pending(ServerUnaryReactor* reactor) : reactor_(reactor) {}
    // `fill` runs before the answer leaves, and not at all if the call is answered already.
    void finish(const grpc::Status& status, const std::function<void()>& fill = {}) {
        ServerUnaryReactor* reactor = nullptr;
        {
            const base::Lock lock(mutex_);
            reactor = std::exchange(reactor_, nullptr);
            if (reactor != nullptr && fill) fill();
        }
        if (reactor != nullptr) reactor->Finish(status);
    }

private:
    base::Mutex mutex_;
    ServerUnaryReactor* reactor_ GUARDED_BY(mutex_);
};

// All unanswered calls, so that a stop can answer them.
class Waiting {
public:
    std::shared_ptr<Pending> add(ServerUnaryReactor* reactor) {
        auto pending = std::make_shared<Pending>(reactor);
        const base::Lock lock(mutex_);
        if (stopped_) {
            pending->finish(stopped_status());
        } else {
            calls_.insert(pending);
        }
        return pending;
    }
    void finish(const std::shared_ptr<Pending>& pending, const grpc::Status& status, const std::function<void()>& fill = {}) {
        {
            const base::Lock lock(mutex_);
            calls_.erase(pending);
        }
        pending->finish(status, fill);
    }
    void stop() {
        std::set<std::shared_ptr<Pending>> calls;
        {
            const base::Lock lock(mutex_);
            stopped_ = true;
            calls.swap(calls_);
        }
        for (const auto& call : calls) call->finish(stopped_status());
    }

private:
    static grpc::Status stopped_status() { return {grpc::StatusCode::UNAVAILABLE, "the deployment has stopped"}; }
    base::Mutex mutex_;
    bool stopped_ GUARDED_BY(mutex_) = false;
    std::set<std::shared_ptr<Pending>> calls_ GUARDED_BY(mutex_);
};

grpc::Status status_of(const base::Error& error) {
    std::string text = error.message;
    for (const auto& note : error.notes) (text += "\n  ") += note;
    return {grpc::StatusCode::UNKNOWN, text};
}

// The file of a `file://` URI, or of Pulumi's `project://`, which is relative to the project's folder.
std::string path_of(const std::string& uri) {
    const size_t scheme = uri.find("://");
    if (scheme == std::string::npos) return uri;
    const bool relative = uri.starts_with("project");
    std::string path = text::decode_uri(uri.substr(scheme + 3)).value_or(uri.substr(scheme + 3));
    if (relative && path.starts_with("/")) path.erase(0, 1);
    return path;
}

bool is_library(const std::string& path) { return path.contains("site-packages/") || path.contains("node_modules/"); }

// The innermost position in the user's own files: a component's library is not where the mistake is.
template <class Request>
Source source_of(const Request& request) {
    const auto to_source = [](const proto::SourcePosition& at) { return Source{path_of(at.uri()), at.line(), at.column()}; };
    Source source = to_source(request.sourceposition());
    if (!source.file.empty() && !is_library(source.file)) return source;
    for (const auto& frame : request.stacktrace().frames()) {
        Source outer = to_source(frame.pc());
        if (!outer.file.empty() && !is_library(outer.file)) return outer;
    }
    return source;
}

std::vector<std::string> strings(const google::protobuf::RepeatedPtrField<std::string>& field) {
    return {field.begin(), field.end()};
}

Alias read_alias(const proto::Alias& message) {
    Alias alias;
    if (message.alias_case() == proto::Alias::kUrn) {
        alias.urn = message.urn();
        return alias;
    }
    const auto& spec = message.spec();
    alias.name = spec.name();
    alias.type = spec.type();
    alias.stack = spec.stack();
    alias.project = spec.project();
    if (spec.parent_case() == proto::Alias::Spec::kParentUrn) alias.parent = spec.parenturn();
    if (spec.parent_case() == proto::Alias::Spec::kNoParent && spec.noparent()) alias.parent = "";
    return alias;
}

base::Result<Registration> read_registration(const proto::RegisterResourceRequest& request) {
    Registration result;
    result.type = request.type();
    result.name = request.name();
    result.parent = request.parent();
    result.custom = request.custom();
    result.remote = request.remote();
    result.inputs = TRY(read_struct(request.object()));
    if (request.has_protect()) result.protect = request.protect();
    if (request.has_retainondelete()) result.retain_on_delete = request.retainondelete();
    if (request.deletebeforereplacedefined()) result.delete_before_replace = request.deletebeforereplace();
    result.dependencies = strings(request.dependencies());
    for (const auto& [key, urns] : request.propertydependencies()) result.property_dependencies[key] = strings(urns.urns());
    result.provider = request.provider();
    result.providers = {request.providers().begin(), request.providers().end()};
    result.version = request.version();
    result.ignore_changes = strings(request.ignorechanges());
    result.replace_on_changes = strings(request.replaceonchanges());
    result.additional_secret_outputs = strings(request.additionalsecretoutputs());
    for (const auto& urn : request.aliasurns()) result.aliases.push_back({.urn = urn});
    for (const auto& alias : request.aliases()) result.aliases.push_back(read_alias(alias));
    result.import_id = request.importid();
    result.deleted_with = request.deletedwith();
    const auto& timeouts = request.customtimeouts();
    if (!timeouts.create().empty()) result.custom_timeouts["create"] = timeouts.create();
    if (!timeouts.update().empty()) result.custom_timeouts["update"] = timeouts.update();
    if (!timeouts.delete_().empty()) result.custom_timeouts["delete"] = timeouts.delete_();
    result.source = source_of(request);
    if (request.remote())
        return base::fail(base::code::NotSupported, "remote components (" + request.type() + ") are not supported");
    if (request.replace_with_size() > 0)
        return base::fail(base::code::NotSupported, "the resource option replaceWith is not supported");
    if (request.has_replacement_trigger() && !request.replacement_trigger().has_null_value())
        return base::fail(base::code::NotSupported, "the resource option replacementTrigger is not supported");
    return result;
}

class MonitorService final : public proto::ResourceMonitor::CallbackService {
public:
    MonitorService(Monitor& monitor, Waiting& waiting) : monitor_(monitor), waiting_(waiting) {}

    ServerUnaryReactor* GetDeploymentInfo(CallbackServerContext* context, const Empty*, proto::DeploymentInfo* answer) override {
        const DeploymentInfo info = monitor_.info();
        answer->set_project(info.project);
        answer->set_stack(info.stack);
        answer->set_organization(info.organization);
        for (const auto& [key, value] : info.config) (*answer->mutable_config())[key] = value;
        for (const auto& key : info.secret_keys) answer->add_configsecretkeys(key);
        answer->set_dryrun(info.preview);
        answer->set_parallel(info.parallel);
        for (int feature : supported_features()) answer->add_supportedfeatures(feature);
        return done(context);
    }

    ServerUnaryReactor* SupportsFeature(CallbackServerContext* context, const proto::SupportsFeatureRequest* request,
                                        proto::SupportsFeatureResponse* answer) override {
        answer->set_hassupport(supports_feature(request->id()));
        return done(context);
    }

    ServerUnaryReactor* Invoke(CallbackServerContext* context, const proto::ResourceInvokeRequest* request,
                               proto::InvokeResponse* answer) override {
        auto arguments = read_struct(request->args());
        if (!arguments) return failed(context, arguments.error());
        const Understands caller{.secrets = true, .references = request->acceptresources()};
        auto [reactor, pending] = wait(context);
        monitor_.invoke({request->tok(), std::move(*arguments), request->provider(), request->version(), request->parent(),
                         source_of(*request)},
                        [this, pending, answer, caller](base::Result<Invoked> invoked) {
                            if (!invoked) return waiting_.finish(pending, status_of(invoked.error()));
                            waiting_.finish(pending, grpc::Status::OK, [&] {
                                write_struct(invoked->result, caller, *answer->mutable_return_());
                                for (const auto& [property, reason] : invoked->failures) {
                                    auto* failure = answer->add_failures();
                                    failure->set_property(property);
                                    failure->set_reason(reason);
                                }
                            });
                        });
        return reactor;
    }

    ServerUnaryReactor* ReadResource(CallbackServerContext* context, const proto::ReadResourceRequest* request,
                                     proto::ReadResourceResponse* answer) override {
        auto inputs = read_struct(request->properties());
        if (!inputs) return failed(context, inputs.error());
        const Understands caller{.secrets = request->acceptsecrets(), .references = request->acceptresources()};
        Reading reading{.id = request->id(),
                        .type = request->type(),
                        .name = request->name(),
                        .parent = request->parent(),
                        .inputs = std::move(*inputs),
                        .dependencies = strings(request->dependencies()),
                        .provider = request->provider(),
                        .version = request->version(),
                        .additional_secret_outputs = strings(request->additionalsecretoutputs()),
                        .source = source_of(*request)};
        auto [reactor, pending] = wait(context);
        monitor_.read_resource(std::move(reading), [this, pending, answer, caller](base::Result<Registered> read) {
            if (!read) return waiting_.finish(pending, status_of(read.error()));
            waiting_.finish(pending, grpc::Status::OK, [&] {
                answer->set_urn(read->urn);
                write_struct(read->outputs, caller, *answer->mutable_properties());
            });
        });
        return reactor;
    }

    ServerUnaryReactor* RegisterResource(CallbackServerContext* context, const proto::RegisterResourceRequest* request,
                                         proto::RegisterResourceResponse* answer) override {
        auto registration = read_registration(*request);
        if (!registration) return failed(context, registration.error());
        const Understands caller{.secrets = request->acceptsecrets(), .references = request->acceptresources()};
        auto [reactor, pending] = wait(context);
        monitor_.register_resource(std::move(*registration),
                                   [this, pending, answer, caller](base::Result<Registered> registered) {
                                       if (!registered) return waiting_.finish(pending, status_of(registered.error()));
                                       waiting_.finish(pending, grpc::Status::OK, [&] {
                                           answer->set_urn(registered->urn);
                                           answer->set_id(registered->id);
                                           write_struct(registered->outputs, caller, *answer->mutable_object());
                                       });
                                   });
        return reactor;
    }

    ServerUnaryReactor* RegisterResourceOutputs(CallbackServerContext* context,
                                                const proto::RegisterResourceOutputsRequest* request, Empty*) override {
        auto outputs = read_struct(request->outputs());
        if (!outputs) return failed(context, outputs.error());
        monitor_.register_outputs(request->urn(), std::move(*outputs));
        return done(context);
    }

    ServerUnaryReactor* SignalAndWaitForShutdown(CallbackServerContext* context, const Empty*, Empty*) override {
        auto [reactor, pending] = wait(context);
        monitor_.finish([this, pending](const base::Result<bool>& over) {
            waiting_.finish(pending, over ? grpc::Status::OK : status_of(over.error()));
        });
        return reactor;
    }

private:
    static ServerUnaryReactor* done(CallbackServerContext* context) {
        auto* reactor = context->DefaultReactor();
        reactor->Finish(grpc::Status::OK);
        return reactor;
    }
    static ServerUnaryReactor* refused(CallbackServerContext* context, const base::Error& error) {
        auto* reactor = context->DefaultReactor();
        reactor->Finish({grpc::StatusCode::INVALID_ARGUMENT, error.message});
        return reactor;
    }
    // A request that cannot be read: said to the user before the program, which may take half a minute to fail (Node).
    ServerUnaryReactor* failed(CallbackServerContext* context, const base::Error& error) {
        monitor_.log(Severity::error, error.message, "", false);
        return refused(context, error);
    }
    std::pair<ServerUnaryReactor*, std::shared_ptr<Pending>> wait(CallbackServerContext* context) {
        auto* reactor = context->DefaultReactor();
        return {reactor, waiting_.add(reactor)};
    }

    Monitor& monitor_;
    Waiting& waiting_;
};

class EngineService final : public proto::Engine::CallbackService {
public:
    explicit EngineService(Monitor& monitor) : monitor_(monitor) {}

    ServerUnaryReactor* Log(CallbackServerContext* context, const proto::LogRequest* request, Empty*) override {
        const auto severity = static_cast<Severity>(std::clamp(request->severity(), 0, 3));
        if (severity != Severity::debug) monitor_.log(severity, request->message(), request->urn(), request->ephemeral());
        return done(context);
    }
    ServerUnaryReactor* GetRootResource(CallbackServerContext* context, const Empty*, proto::RootUrn* answer) override {
        const base::Lock lock(mutex_);
        answer->set_urn(root_);
        return done(context);
    }
    ServerUnaryReactor* SetRootResource(CallbackServerContext* context, const proto::RootUrn* request, Empty*) override {
        const base::Lock lock(mutex_);
        root_ = request->urn();
        return done(context);
    }

private:
    static ServerUnaryReactor* done(CallbackServerContext* context) {
        auto* reactor = context->DefaultReactor();
        reactor->Finish(grpc::Status::OK);
        return reactor;
    }
    Monitor& monitor_;
    base::Mutex mutex_;
    std::string root_ GUARDED_BY(mutex_);
};

}  // namespace

bool supports_feature(std::string_view name) {
    // Not here: transforms, hooks and parameterized packages call back into the program. SDKs then refuse the option in clear
    // words.
    static constexpr std::array<std::string_view, 5> names = {"secrets", "resourceReferences", "outputValues", "deletedWith",
                                                              "aliasSpecs"};
    return std::ranges::find(names, name) != names.end();
}

// The numbers of the same five.
std::vector<int> supported_features() { return {0, 1, 2, 3, 5}; }

struct Server::State {
    explicit State(Monitor& monitor) : monitor_service(monitor, waiting), engine_service(monitor) {}
    Waiting waiting;
    MonitorService monitor_service;
    EngineService engine_service;
    std::unique_ptr<grpc::Server> server;
    std::unique_ptr<PrivateSocket> socket;  // after the server: its thread hands connections to it
    std::string address;
};

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}

Server::~Server() { stop(); }

base::Result<std::unique_ptr<Server>> Server::start(Monitor& monitor) {
    auto state = std::make_unique<State>(monitor);
    // No port: the server gets the connections that the socket has let in.
    grpc::ServerBuilder builder;
    builder.RegisterService(&state->monitor_service);
    builder.RegisterService(&state->engine_service);
    builder.SetMaxReceiveMessageSize(message_bytes_max);
    builder.SetMaxSendMessageSize(message_bytes_max);
    state->server = builder.BuildAndStart();
    if (!state->server) return base::fail(base::code::NoServer, "cannot start the engine's server for the program");
    state->socket =
        TRY(PrivateSocket::open([server = state->server.get()](int file) { grpc::AddInsecureChannelFromFd(server, file); }));
    state->address = "unix:" + state->socket->path().string();
    return std::unique_ptr<Server>(new Server(std::move(state)));
}

const std::string& Server::address() const { return state_->address; }

void Server::stop() {
    if (!state_->server) return;
    state_->socket.reset();
    state_->waiting.stop();
    state_->server->Shutdown(std::chrono::system_clock::now() + std::chrono::milliseconds(200));
    state_->server->Wait();
    state_->server.reset();
}

}  // namespace deploy::rpc
