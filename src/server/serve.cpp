// Wiring: every room is made here, in the order of who needs whom, and taken down in reverse.
#include "server/serve.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <memory>
#include <span>
#include <sstream>

#include "base/error_codes.hpp"
#include "base/invariant.hpp"
#include "base/log.hpp"
#include "base/strings.hpp"
#include "cli/data_paths.hpp"
#include "cli/terminal.hpp"
#include "cli/version.hpp"
#include "gate/globals.hpp"
#include "gate/unread.hpp"
#include "server/front_door.hpp"
#include "server/harden.hpp"
#include "server/metrics_page.hpp"
#include "server/readiness.hpp"
#include "server/server.hpp"
#include "server/server_administration.hpp"
#include "server/signals.hpp"
#include "server/trace_exporter.hpp"
#include "store/reserve.hpp"
#include "training/instances.hpp"
#include "wire/model.hpp"
#include "wire/region.hpp"
#include "wire/s3_request.hpp"

namespace server {
namespace {

constexpr std::chrono::hours looks_at_certificate{6};
constexpr rlim_t descriptors_kept = 3072;  // for objects, the store, jobs

// By a name of the certificate, if it is another's: clients compare it with what they call.
std::string url_of(const Listen& listen, uint16_t port, const net::TlsServer* tls, bool is_own) {
    if (tls != nullptr && !is_own)
        if (const auto name = tls->name(); !name.empty()) return "https://" + name + ":" + std::to_string(port);
    // 0.0.0.0 and :: are places to listen, not to call.
    std::string host = listen.address == "0.0.0.0" ? "127.0.0.1" : listen.address == "::" ? "::1" : listen.address;
    if (host.find(':') != std::string::npos) host = "[" + host + "]";
    return (tls != nullptr ? "https://" : "http://") + host + ":" + std::to_string(port);
}

// Connections and the files of objects being read are descriptors; the soft limit is a shell's habit (1024), the hard one a
// decision. A connection may have a file
// that it reads, besides itself; all leave some, at most half, to everything else.
void share_out_descriptors(size_t& connections_max) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    (void)::setrlimit(RLIMIT_NOFILE, &limit);  // if not, the old limit stands
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    const size_t most = (limit.rlim_cur - std::min<rlim_t>(limit.rlim_cur / 2, descriptors_kept)) / 2;
    if (connections_max <= most) return;
    base::log_warn("at most " + std::to_string(most) + " connections: this process may have " + std::to_string(limit.rlim_cur) +
                   " open files (ulimit -n)");
    connections_max = most;
}

bool is_loopback(const std::string& address) { return address.starts_with("127.") || address == "::1" || address == "localhost"; }

// The names that the SageMaker API takes: a table may not promise others.
std::span<const std::string_view> known_instance_types() {
    const wire::Shape* shape = wire::find_service("sagemaker")->find("CreateTrainingJob")->input;
    for (std::string_view name : {"ResourceConfig", "InstanceType"}) {
        auto member =
            std::find_if(shape->members.begin(), shape->members.end(), [&](const auto& one) { return one.name == name; });
        INVARIANT(member != shape->members.end());
        shape = member->shape;
    }
    return shape->enumeration;
}

// Nothing is cut to the machine that the server is on where jobs run on others: Slurm knows what there is.
constexpr training::Machine any_machine{.cores = 4096, .memory_bytes = uint64_t{1} << 46, .gpus = 64};

base::Result<training::InstanceTypes> read_instance_types(const std::string& path, const std::string& launcher) {
    const training::Machine machine = launcher == "slurm" ? any_machine : training::this_machine();
    if (path.empty()) return training::InstanceTypes::of(machine);
    std::ifstream file(path, std::ios::binary);
    std::stringstream content;
    content << file.rdbuf();
    if (!file) return base::fail(base::code::InvalidConfiguration, "the table of instance types " + path + " cannot be read");
    auto types = training::InstanceTypes::parse(content.str(), machine);
    if (!types) return base::fail(std::move(types).error().note("in " + path + ", the table of instance types (docs/train.md)"));
    const auto known = known_instance_types();
    for (const auto& name : types->listed()) {
        if (std::find(known.begin(), known.end(), name) != known.end()) continue;
        return base::fail(
            base::Error(base::code::InvalidConfiguration, "SageMaker has no instance type " + name).note("in " + path));
    }
    return types;
}

}  // namespace

base::Result<std::vector<std::string>> served_regions(const Settings& settings) {
    if (settings.regions.empty()) return std::vector<std::string>{std::string(wire::global_region)};
    for (const auto& region : settings.regions) {
        if (!wire::is_region_name(region))
            return base::fail(base::Error(base::code::InvalidConfiguration, "`" + region + "` is not a region name")
                                  .note("regions are written as in --region eu-central-1"));
        if (std::ranges::count(settings.regions, region) > 1)
            return base::fail(base::code::InvalidConfiguration, "--region " + region + " is given twice");
    }
    return settings.regions;
}

base::Result<void> serve_domains(const Settings& settings) {
    for (const auto& domain : settings.domains) {
        if (!wire::is_domain(domain))
            return base::fail(
                base::Error(base::code::InvalidConfiguration, "--domain " + domain + " is not a domain")
                    .note("write the host that clients call, as in --domain s3.lab.internal: no scheme, no port, no address"));
        if (std::ranges::count(settings.domains, domain) > 1)
            return base::fail(base::code::InvalidConfiguration, "--domain " + domain + " is given twice");
    }
    wire::set_s3_domains(settings.domains);
    return {};
}

base::Result<void> set_up_log(const Settings& settings) {
    constexpr std::pair<std::string_view, base::LogLevel> levels[] = {{"debug", base::LogLevel::debug},
                                                                      {"info", base::LogLevel::info},
                                                                      {"warn", base::LogLevel::warn},
                                                                      {"error", base::LogLevel::error}};
    const auto* level = std::ranges::find(levels, settings.log_level, [](const auto& one) { return one.first; });
    if (level == std::end(levels))
        return base::fail(base::code::InvalidConfiguration, "--log-level is debug, info, warn or error");
    if (settings.log_format != "text" && settings.log_format != "json")
        return base::fail(base::code::InvalidConfiguration, "--log-format is text or json");
    base::set_log_format(settings.log_format == "json" ? base::LogFormat::json : base::LogFormat::text);
    base::set_log_level(settings.verbose ? base::LogLevel::debug : level->second);
    return {};
}

base::Result<std::unique_ptr<TraceExporter>> open_traces(const Settings& settings, const std::string& account) {
    if (settings.trace_collector.empty()) return nullptr;
    return TraceExporter::open({.collector = settings.trace_collector,
                                .sample = settings.trace_sample,
                                .resource = {.version = std::string(cli::version()), .instance = account}});
}

base::Result<int> serve(const Settings& settings) {
    const store::MayUseReserve begins_and_ends;  // on a full disk, too; requests have threads of their own
    TRY(set_up_log(settings));
    harden(settings);
    const net::Networks proxies = TRY(net::Networks::parse(settings.proxies));
    std::vector<std::string> limit_texts = settings.limits;
    const Quotas quotas = TRY(take_quotas(limit_texts));
    DoorLimits limits = TRY(parse_limits(limit_texts));
    share_out_descriptors(limits.port.connections_max);
    const auto ways_in = TRY(parse_ways_in(settings.ways_in));
    const Listen listen = TRY(parse_listen(settings.listen));
    std::optional<std::pair<std::string, uint16_t>> metrics_at;
    if (!settings.metrics_listen.empty()) {
        const Listen at = TRY(parse_listen(settings.metrics_listen));
        metrics_at.emplace(at.address, at.port);
    }
    const std::vector<std::string> regions = TRY(served_regions(settings));
    TRY(serve_domains(settings));
    StopSignals signals;
    TrainingSettings training = settings.training;
    training.instances = TRY(read_instance_types(settings.instance_types_file, training.launcher));
    auto server =
        TRY(Server::open(settings.data, settings.master_key_file, regions, training, settings.audit, quotas, limits.scrub));
    const http::Handler apis = [&server](http::Request& request) { return server->gate->serve(request); };
    const auto unread = [&server](const http::UnreadRequest& request) {
        gate::record_unread(*server->audit, server->clock, server->random, request);
    };
    server->workers_endpoint = workers_endpoint(ways_in);
    Readiness readiness([&server] { return server->serves(); });
    CalledBy called_by{
        .addresses = {listen.address}, .domains = settings.domains, .account = server->directory->default_account()};
    for (const WayIn& way : ways_in)
        if (const auto at = parse_listen(way.listen)) called_by.addresses.push_back(at->address);
    const auto tls = TRY(open_tls(settings.tls, server->folder->tls_directory(), called_by));
    const bool is_own = settings.tls.mode == "self";
    const auto traces = TRY(open_traces(settings, server->directory->default_account()));
    server->observer.trace_to(traces.get());
    MetricsPage metrics({.requests = &server->observer,
                         .training = &server->training->jobs(),
                         .scrub = &server->administration->scrubbing(),
                         .isolation = server->training->isolation(),
                         .tls = tls.get(),
                         .traces = traces.get(),
                         .is_ready = [&readiness] { return readiness.is_ready(); },
                         .data_folder = server->folder->path(),
                         .version = std::string(cli::version())});
    gate::set_clients_use_tls(tls != nullptr);
    auto door = TRY(FrontDoor::open({.address = listen.address,
                                     .port = listen.port,
                                     .socket = server->folder->operator_socket(),
                                     .jobs_socket = server->folder->jobs_socket(),
                                     .tls = tls,
                                     .proxies = proxies,
                                     .limits = limits,
                                     .metrics = &metrics,
                                     .metrics_at = metrics_at,
                                     .ways_in = ways_in,
                                     .is_ready = [&readiness] { return readiness.is_ready(); }},
                                    server->random, apis, unread));
    const std::string url = url_of(listen, door->port(), tls.get(), is_own);
    if (!is_loopback(listen.address) && !tls && settings.proxies.empty())
        base::log_warn("listening on " + listen.address + " without TLS: serve --tls-certificate and --tls-key, or --tls self");
    TRY(server->training->start({.endpoint = door->workers_url(url),
                                 .socket = server->folder->jobs_socket(),
                                 .region = regions.front(),
                                 .front = door->front(),
                                 .options = door->options(),
                                 .apis = apis}));
    TRY(server->folder->write_endpoint(url, regions, authority_of(settings.tls, server->folder->tls_directory())));
    if (!settings.ready_file.empty()) TRY(write_whole(settings.ready_file, url + "\n"));
    cli::print("trainwarden serves account " + cli::Text(server->directory->default_account()) + " at " + url + " (region " +
               base::join(regions, ", ") + ", data in " + settings.data + ")\n");
    std::fflush(stdout);
    if (const auto at = door->metrics_url(); !at.empty())
        base::log_info("metrics are at " + at + ", for everybody who can connect to it");

    std::optional<int> signal;
    while (!(signal = signals.wait(looks_at_certificate)))
        if (is_own)
            if (auto renewed = renew_own_certificate(server->folder->tls_directory(), called_by); !renewed)
                base::log_error("the certificate of `--tls self` is not renewed: " + renewed.error().describe());
    base::log_info("stopping on signal " + std::to_string(*signal));
    server->folder->remove_endpoint();
    door->end_soon();
    // Jobs first: a worker that is told to end may still send requests.
    server->training->stop();
    door->stop();
    return 0;
}

void add_serve(cli::Command& root) {
    auto settings = std::make_shared<Settings>();
    settings->data = cli::default_data_folder();
    cli::Command command =
        root.subcommand("serve", "Serve the AWS APIs: IAM, STS, S3, SageMaker, CloudWatch and its Logs, CloudTrail");
    command.data_folder(settings->data, "data folder: everything that the server stores");
    command.option("--listen", "ADDRESS:PORT", settings->listen, "where to listen; port 0: any free one");
    command.option("--region", "REGION", settings->regions,
                   "AWS region that this server serves; repeatable, the first is the default (us-east-1)");
    command.option("--master-key-file", "FILE", settings->master_key_file,
                   "the key that encrypts stored secrets; made if missing");
    command.option("--audit-key-file", "FILE", settings->audit.key_file,
                   "the key that signs the audit log, outside of the data folder; made if missing");
    command.option("--audit-keep-days", "DAYS", settings->audit.keep_days,
                   "how long records are kept, 90 unless `admin retention` says otherwise; 0: as long as there is room");
    command.option("--audit-keep-bytes", "BYTES", settings->audit.keep_bytes,
                   "how large the audit log may be: 500M, 16G (the default); 0: as large as the disk");
    command.option(
        "--audit-when-full", "ACTION", settings->audit.when_full,
        "remove (the default): the oldest records, before --audit-keep-days is over; refuse: requests are answered 503");
    command.option("--audit-sync", "MODE", settings->audit.sync,
                   "which answers wait until their record is on disk: changes (of requests that change something), answers "
                   "(all), interval (none)");
    command.option("--audit-syslog", "ADDRESS", settings->audit.syslog,
                   "syslog server that every record is sent to: unix:/dev/log, udp:HOST:PORT, tcp:HOST:PORT");
    command.option(
        "--domain", "NAME", settings->domains,
        "host that clients call this server by: BUCKET.NAME is a bucket, and no other host's first part is; repeatable");
    command.option("--tls", "self", settings->tls.mode, "speak TLS with a certificate that this server makes for its machine");
    command.option("--tls-authority-file", "FILE", settings->tls.authority_file,
                   "of --tls self: a copy of its authority's certificate that every user may read, which `env` then names");
    command.option("--tls-certificate", "FILE", settings->tls.certificate_file,
                   "speak TLS with this certificate, its chain behind it (PEM); read again when it changes");
    command.option("--tls-key", "FILE", settings->tls.key_file, "its key (PEM)");
    command.option("--tls-client-ca", "FILE", settings->tls.client_authorities,
                   "authorities whose certificates clients may show (PEM); policies know them by trainwarden:ClientCertificate…");
    command.option("--tls-clients", "MODE", settings->tls.client_mode,
                   "required: who shows no such certificate is refused in the handshake; optional: by policies, if at all");
    command.option("--endpoint", "vpce-ID=ADDRESS:PORT", settings->ways_in,
                   "another place to listen, whose requests have aws:SourceVpce vpce-ID; vpce-ID=workers: those of sandboxed "
                   "workers have it; repeatable");
    command.option(
        "--proxy-protocol-from", "CIDR", settings->proxies,
        "proxies whose connections begin with a header of the PROXY protocol, version 2, which names the client; repeatable");
    command.option("--limit", "NAME=NUMBER", settings->limits,
                   "how much of the server one client, or all, may take: docs/limits.md; repeatable");
    command.option("--ready-file", "FILE", settings->ready_file, "written with the URL once requests are answered");
    command.option("--training-isolation", "MODE", settings->training.isolation,
                   "sandbox: training jobs run in sandboxes or are refused; best-effort: as plain processes where there is none; "
                   "process: always as plain processes");
    command.option("--training-images", "DIR", settings->training.images,
                   "folder of root file systems that jobs may name as TrainingImage");
    command.option("--training-share", "DIR", settings->training.shared,
                   "a folder that workers of host/... images may read; repeatable");
    command.option("--launcher", "NAME", settings->training.launcher,
                   "local: training jobs run on this machine; slurm: on machines that Slurm allocates");
    command.option("--slurm-options", "OPTIONS", settings->training.slurm_options,
                   "more options for salloc, as one argument: \"--partition=gpu --account=lab\"");
    command.option("--slurm-program", "FILE", settings->training.slurm_program,
                   "path of this program on the cluster's nodes; by default the same as here");
    command.option("--instance-types", "FILE", settings->instance_types_file,
                   "sizes and quotas of the ml.* instance types (JSON)");
    command.flag("--allow-core-dumps", settings->allow_core_dumps,
                 "let debuggers and core dumps read this process's memory, keys included: for developers");
    command.flag("-v,--verbose", settings->verbose, "log a line for every request; as --log-level debug");
    command.option("--log-level", "LEVEL", settings->log_level, "what is logged: debug (every request), info, warn, error");
    command.option("--log-format", "FORMAT", settings->log_format, "text, or json: an object a line");
    command.option("--metrics-listen", "ADDRESS:PORT", settings->metrics_listen,
                   "serve /metrics here, to everybody; without it, on the operator's socket alone (docs/operate.md)");
    command.option("--trace-collector", "URL", settings->trace_collector,
                   "send traces to this OpenTelemetry collector (OTLP over HTTP): http://HOST:4318");
    command.option("--trace-sample", "RATIO", settings->trace_sample, "the part of all requests that is traced: 0 to 1");
    command.footer("Then, in another shell:  eval \"$(trainwarden env)\"");
    command.action([settings] { return serve(*settings); });
}

}  // namespace server
