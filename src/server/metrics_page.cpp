#include "server/metrics_page.hpp"

#include <sys/stat.h>
#include <sys/statvfs.h>

#include <array>

#include "metrics/disk.hpp"
#include "server/process_figures.hpp"
#include "wire/s3_request.hpp"

namespace server {
namespace {

using metrics::Type;

enum Place : size_t {
    requests,
    request_duration,
    errors,
    decisions,
    refusals,
    connections,
    connections_accepted,
    front_requests,
    limits,
    queued,
    running,
    pool_threads,
    head_memory,
    disk_sync,
    disk_free,
    disk_size,
    disk_free_inodes,
    store_bytes,
    store_files,
    store_measured,
    reserve_whole,
    audit_failures,
    audit_segments,
    scrub_passes,
    scrub_bytes,
    scrub_damaged,
    scrub_ended,
    jobs,
    workers,
    isolation,
    certificate_end,
    spans,
    span_queue,
    build,
    ready,
    cpu,
    resident,
    virtual_bytes,
    open_files,
    open_files_max,
    threads,
    start_time,
    places
};

constexpr std::array<metrics::Family, places> families{{
    {"trainwarden_requests_total", Type::counter, "Requests that the gate answered, by what they asked for and what came of it."},
    {"trainwarden_request_duration_seconds", Type::histogram,
     "Time from a request's head to its answer, without the time that sending takes."},
    {"trainwarden_request_errors_total", Type::counter, "Requests that were answered with an error, by its code."},
    {"trainwarden_decisions_total", Type::counter, "Accesses that were decided, for requests and on behalf of services."},
    {"trainwarden_refusals_total", Type::counter, "Requests that were refused, by what refused them."},
    {"trainwarden_connections", Type::gauge, "Open connections."},
    {"trainwarden_connections_accepted_total", Type::counter, "Connections that came."},
    {"trainwarden_front_requests_total", Type::counter, "Requests that were given to a handler."},
    {"trainwarden_limits_total", Type::counter, "What came of the limits of connections: docs/limits.md."},
    {"trainwarden_queued_requests", Type::gauge, "Requests that wait for a thread."},
    {"trainwarden_running_requests", Type::gauge, "Requests in progress, a thread each."},
    {"trainwarden_pool_threads", Type::gauge, "Threads that run requests or wait for some."},
    {"trainwarden_head_memory_bytes", Type::gauge, "Memory of heads that are not whole or wait for a thread."},
    {"trainwarden_disk_sync_seconds", Type::histogram, "Waits until what was written was on the disk."},
    {"trainwarden_disk_free_bytes", Type::gauge, "Space that the file system of the data folder has for the server."},
    {"trainwarden_disk_size_bytes", Type::gauge, "Size of that file system."},
    {"trainwarden_disk_free_inodes", Type::gauge, "Files that it has room for."},
    {"trainwarden_store_bytes", Type::gauge, "Size of the files of a part of the data folder."},
    {"trainwarden_store_files", Type::gauge, "How many files it has."},
    {"trainwarden_store_measured_timestamp_seconds", Type::gauge, "When those two were found out; 0: not yet."},
    {"trainwarden_reserve_whole", Type::gauge, "1: the space is reserved that deletes and the record need on a full disk."},
    {"trainwarden_audit_failures_total", Type::counter, "Requests that were stopped because they could not be recorded."},
    {"trainwarden_audit_segments", Type::gauge, "Files of records that the audit log has."},
    {"trainwarden_scrub_passes_total", Type::counter, "Times that everything stored was read and compared."},
    {"trainwarden_scrub_bytes_total", Type::counter, "Bytes that were read and compared for it."},
    {"trainwarden_scrub_damaged", Type::gauge,
     "What the pass that goes on, or the last, found damaged: `trainwarden doctor` names it."},
    {"trainwarden_scrub_pass_end_timestamp_seconds", Type::gauge, "When the last pass ended; 0: none has."},
    {"trainwarden_training_jobs", Type::gauge, "Training jobs, by status."},
    {"trainwarden_training_workers", Type::gauge, "Workers of training jobs that run."},
    {"trainwarden_training_isolation", Type::gauge, "1 for what training jobs run in."},
    {"trainwarden_tls_certificate_end_timestamp_seconds", Type::gauge, "When the certificate that the port shows ends."},
    {"trainwarden_trace_spans_total", Type::counter, "Spans, by what became of them."},
    {"trainwarden_trace_queued_spans", Type::gauge, "Spans that wait to be sent."},
    {"trainwarden_build_info", Type::gauge, "1 for the version of this server."},
    {"trainwarden_ready", Type::gauge, "1: requests can be served; 0: not, or the server ends. What /readyz says."},
    {"process_cpu_seconds_total", Type::counter, "Processor time that the server has used."},
    {"process_resident_memory_bytes", Type::gauge, "Memory of the server that is in RAM."},
    {"process_virtual_memory_bytes", Type::gauge, "Its address space."},
    {"process_open_fds", Type::gauge, "Its open files."},
    {"process_max_fds", Type::gauge, "How many it may have open."},
    {"trainwarden_threads", Type::gauge, "Its threads."},
    {"process_start_time_seconds", Type::gauge, "When it started."},
}};

constexpr auto all_statuses = std::to_array({training::Status::in_progress, training::Status::stopping,
                                             training::Status::completed, training::Status::failed, training::Status::stopped});

double number(uint64_t value) { return static_cast<double>(value); }

}  // namespace

std::span<const metrics::Family> metric_families() { return families; }

void MetricsPage::add_front(std::string name, std::shared_ptr<http::Front> front) {
    const base::Lock lock(mutex_);
    fronts_.emplace_back(std::move(name), std::move(front));
}

void MetricsPage::add_requests(metrics::Page& page) const {
    const RequestObserver& counted = *sources_.requests;
    for (const auto& one : counted.operations()) {
        for (size_t i = 0; i < outcome_names.size(); ++i)
            page.add(requests, number(one.outcomes[i]),
                     {{"service", one.service}, {"operation", one.operation}, {"outcome", outcome_names[i]}});
        page.add(request_duration, one.duration, {{"service", one.service}, {"operation", one.operation}});
    }
    counted.codes().each([&](std::string_view code, uint64_t count) { page.add(errors, number(count), {{"code", code}}); });
    for (size_t i = 0; i < decision_names.size(); ++i)
        page.add(decisions, number(counted.decisions(i)), {{"outcome", decision_names[i]}});
    for (size_t i = 0; i < layer_names.size(); ++i) page.add(refusals, number(counted.refusals(i)), {{"layer", layer_names[i]}});
    page.add(audit_failures, number(counted.refusals(layer_names.size() - 1)));
}

void MetricsPage::add_fronts(metrics::Page& page) const {
    const base::Lock lock(mutex_);
    uint64_t refused = 0;
    for (const auto& [name, front] : fronts_) {
        const auto& counted = http::counters_of(*front);
        const auto load = http::load_of(*front);
        page.add(connections, number(load.connections), {{"front", name}});
        page.add(connections_accepted, number(counted.accepted), {{"front", name}});
        page.add(front_requests, number(counted.requests), {{"front", name}});
        page.add(queued, number(load.pool.queued), {{"front", name}});
        page.add(running, number(load.pool.running - load.pool.uploading), {{"front", name}, {"kind", "whole"}});
        page.add(running, number(load.pool.uploading), {{"front", name}, {"kind", "upload"}});
        page.add(pool_threads, number(load.pool.threads), {{"front", name}});
        page.add(head_memory, number(load.head_memory_bytes), {{"front", name}});
        const std::pair<std::string_view, uint64_t> by_limit[] = {
            {"connections", counted.turned_away}, {"made_room", counted.made_room},     {"handshake", counted.bad_handshakes},
            {"late_head", counted.late_heads},    {"bad_head", counted.bad_heads},      {"queue", counted.overloads},
            {"slow_body", counted.slow_bodies},   {"slow_reader", counted.slow_readers}};
        for (const auto& [limit, count] : by_limit) page.add(limits, number(count), {{"front", name}, {"limit", limit}});
        refused += counted.turned_away + counted.bad_handshakes + counted.late_heads + counted.bad_heads + counted.overloads;
    }
    page.add(refusals, number(refused), {{"layer", "front"}});
}

void MetricsPage::add_stores(metrics::Page& page) const {
    for (size_t i = 0; i < metrics::written_names.size(); ++i)
        page.add(disk_sync, metrics::disk_waits(static_cast<metrics::Written>(i)).value(), {{"part", metrics::written_names[i]}});
    struct statvfs disk{};
    if (::statvfs(sources_.data_folder.c_str(), &disk) == 0) {
        page.add(disk_free, number(uint64_t{disk.f_bavail} * disk.f_frsize));
        page.add(disk_size, number(uint64_t{disk.f_blocks} * disk.f_frsize));
        page.add(disk_free_inodes, number(disk.f_favail));
    }
    const auto measured = sizes_.last();
    for (size_t i = 0; i < StoreSizes::parts.size(); ++i) {
        page.add(store_bytes, number(measured.sizes[i].bytes), {{"part", StoreSizes::parts[i]}});
        page.add(store_files, number(measured.sizes[i].files), {{"part", StoreSizes::parts[i]}});
    }
    page.add(audit_segments, number(measured.audit_segments));
    page.add(store_measured, static_cast<double>(measured.at));
    // A reserve that was released is a file without blocks (store/reserve.hpp).
    for (const std::string_view part : {"keys", "audit"}) {
        struct stat file{};
        const std::string path = sources_.data_folder + "/" + std::string(part) + "/reserved-space";
        if (::stat(path.c_str(), &file) == 0) page.add(reserve_whole, file.st_blocks > 0 ? 1 : 0, {{"part", part}});
    }
}

void MetricsPage::add_scrub(metrics::Page& page) const {
    const auto state = sources_.scrub->state();
    page.add(scrub_passes, number(state.passes));
    page.add(scrub_bytes, number(state.bytes));
    page.add(scrub_damaged, number(state.damaged));
    page.add(scrub_ended, state.ended ? std::chrono::duration<double>(state.ended->time_since_epoch()).count() : 0);
}

void MetricsPage::add_jobs(metrics::Page& page) const {
    const auto census = sources_.training->census();
    for (const auto status : all_statuses) {
        const auto found = census.jobs.find(status);
        page.add(jobs, found == census.jobs.end() ? 0 : number(found->second), {{"status", training::name(status)}});
    }
    page.add(workers, number(census.workers));
    page.add(isolation, 1, {{"mode", sources_.isolation}});
}

std::string MetricsPage::text() const {
    metrics::Page page(families);
    add_requests(page);
    add_fronts(page);
    add_stores(page);
    add_scrub(page);
    add_jobs(page);
    if (sources_.tls != nullptr)
        if (const auto end = sources_.tls->ends_at()) page.add(certificate_end, static_cast<double>(*end));
    if (sources_.traces != nullptr) {
        const auto counted = sources_.traces->figures();
        page.add(spans, number(counted.sent), {{"result", "sent"}});
        page.add(spans, number(counted.dropped), {{"result", "dropped"}});
        page.add(spans, number(counted.failed), {{"result", "failed"}});
        page.add(span_queue, number(counted.queued));
    }
    page.add(build, 1, {{"version", sources_.version}});
    page.add(ready, !is_ending_ && (!sources_.is_ready || sources_.is_ready()) ? 1 : 0);
    const ProcessFigures process = process_figures();
    page.add(cpu, process.cpu_seconds);
    page.add(resident, number(process.resident_bytes));
    page.add(virtual_bytes, number(process.virtual_bytes));
    page.add(open_files, number(process.open_files));
    page.add(open_files_max, number(process.open_files_max));
    page.add(threads, number(process.threads));
    page.add(start_time, process.start_seconds);
    return page.text();
}

bool is_scrape(const http::RequestHead& head) {
    return head.path == "/metrics" && (head.method == "GET" || head.method == "HEAD") && head.query.empty() &&
           head.headers.find("Authorization") == nullptr && wire::bucket_of_host(head.headers.get("Host")).empty();
}

http::Response answer_scrape(const MetricsPage& page) {
    http::Response response{.status = 200, .headers = {}, .body = page.text()};
    response.headers.add("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    response.headers.add("Cache-Control", "no-store");
    return response;
}

}  // namespace server
