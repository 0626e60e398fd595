#include "http/pool.hpp"

#include <unistd.h>

#include <algorithm>
#include <system_error>

#include "base/log.hpp"
#include "os/file.hpp"

namespace http {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

// What a thread submits while it leads is called for once, when its turn is over.
thread_local bool is_leading = false;

}  // namespace

Pool::Pool(const PoolOptions& options, Lead lead)
    : options_(options), lead_(std::move(lead)), processors_(std::max(1u, std::thread::hardware_concurrency())) {}

bool Pool::submit(const std::string& peer, Kind kind, Work work) {
    return enqueue(peer, kind, {.work = std::move(work), .submitted = steady_clock::now()}, true);
}

bool Pool::go_on(const std::string& peer, Work work) {
    return enqueue(peer, Kind::whole, {.work = std::move(work), .submitted = steady_clock::now(), .may_be_late = false}, false);
}

bool Pool::enqueue(const std::string& peer, Kind kind, Job job, bool limited) {
    const base::Lock lock(mutex_);
    auto& of_peer = *peers_.try_emplace(peer).first;
    auto& [name, one] = of_peer;
    const bool full =
        limited && (queued_ >= options_.queue_max || one.queues[0].size() + one.queues[1].size() >= options_.queue_per_peer_max);
    if (full || finishing_ || (threads_.empty() && !add_thread())) {
        if (one.is_idle()) peers_.erase(name);
        return false;
    }
    one.queues[static_cast<size_t>(kind)].push_back(std::move(job));
    ++queued_;
    list(of_peer, kind);
    note_waiting_uploads();
    if (!is_leading) call(1);
    return true;
}

void Pool::note_waiting_uploads() {
    uploads_wait_ = uploading_ >= options_.uploads_max && !turns_[static_cast<size_t>(Kind::upload)].empty();
}

void Pool::refuse_late() {
    const base::Lock lock(mutex_);
    const auto since = steady_clock::now() - std::chrono::seconds(options_.queue_seconds_max);
    size_t moved = 0;
    for (auto& peer : peers_) {
        auto& uploads = peer.second.queues[static_cast<size_t>(Kind::upload)];
        for (; !uploads.empty() && uploads.front().submitted < since; ++moved) {
            peer.second.queues[static_cast<size_t>(Kind::whole)].push_back(std::move(uploads.front()));
            uploads.pop_front();
        }
        // Who has a turn has something to run.
        if (auto& listed = peer.second.listed[static_cast<size_t>(Kind::upload)]; listed && uploads.empty()) {
            std::erase(turns_[static_cast<size_t>(Kind::upload)], &peer);
            listed = false;
        }
        list(peer, Kind::whole);
    }
    note_waiting_uploads();
    call(std::min(moved, processors_));
}

// Who is called takes what is next, whatever it was called for.
void Pool::call(size_t threads) {
    for (; threads > 0; --threads) {
        if (called_ == idle_ && (threads_.size() >= options_.requests_max || !add_thread())) return;
        ++called_;
        changed_.notify_one();
    }
}

void Pool::call_for_queued(size_t busy) {
    busy += called_;
    call(std::min<size_t>(queued_, processors_ - std::min(processors_, busy)));
}

void Pool::nudge_standby() {
    is_overdue_ = true;
    standby_.notify_one();
}

bool Pool::all_processors_taken() {
    std::vector<int> ids;
    {
        const base::Lock lock(mutex_);
        ids = thread_ids_;
    }
    size_t runnable = 0;
    for (const int id : ids) {
        // ID (NAME) STATE …; the name is the program's, or part of it.
        const auto stat = os::read_file("/proc/self/task/" + std::to_string(id) + "/stat");
        const size_t end = stat ? stat->rfind(") ") : std::string::npos;
        if (end != std::string::npos && stat->compare(end, 3, ") R") == 0 && ++runnable == processors_) return true;
    }
    return false;
}

void Pool::stand_by() {
    base::Lock lock(mutex_);
    size_t calls = 1;
    uint64_t watches = 0;
    bool moves = false;  // what is queued is taken, so that those who run are not long at it
    bool computing = false;
    steady_clock::time_point looked_at{};
    while (may_lead_) {
        if (is_led_) is_overdue_ = false;
        if (is_led_ || (running_ + called_ > 0 && !is_overdue_)) {
            const uint64_t led = turns_led_, picked = picked_;
            standby_.wait_for(mutex_, watch, [this]() REQUIRES(mutex_) { return is_overdue_ || !may_lead_; });
            moves = picked_ != picked;
            const bool stands = !moves && has_work();
            if (!stands) calls = 1, watches = 0;
            if (const auto now = steady_clock::now(); !moves && running_ > 0 && now - looked_at > looks_apart) {
                looked_at = now;
                lock.unlock();
                computing = all_processors_taken();
                lock.lock();
            }
            if (stands && computing && ++watches % watches_for_one_more == 0) call(1);
            if (stands && !computing) {
                call(calls);
                calls = std::min(calls * 2, options_.requests_max);
            }
            is_overdue_ = is_overdue_ || (!is_led_ && turns_led_ == led);
            continue;
        }
        is_led_ = true;
        is_overdue_ = false;
        const auto most = moves ? milliseconds(0) : has_work() ? watch : milliseconds(-1);
        lock.unlock();
        is_leading = true;
        (void)lead_(most);
        is_leading = false;
        lock.lock();
        is_led_ = false;
        const bool wait = running_ > 0 && !moves && !computing;  // for something else than a processor
        call_for_queued(wait ? 0 : running_ - uploading_);
        moves = false;
    }
}

void Pool::end_leading() {
    const base::Lock lock(mutex_);
    may_lead_ = false;
    standby_.notify_one();
}

bool Pool::may_run(const Peer& peer, Kind kind) const {
    return !peer.queues[static_cast<size_t>(kind)].empty() && peer.running < options_.requests_per_peer_max &&
           (kind == Kind::whole || peer.uploading < options_.uploads_per_peer_max);
}

void Pool::list(Peers::value_type& peer, Kind kind) {
    auto& listed = peer.second.listed[static_cast<size_t>(kind)];
    if (listed || !may_run(peer.second, kind)) return;
    listed = true;
    turns_[static_cast<size_t>(kind)].push_back(&peer);
}

// Of what is queued some may have to wait for others of its peer or kind to end: then there is nothing to call a thread for.
bool Pool::has_work() const {
    const auto& uploads = turns_[static_cast<size_t>(Kind::upload)];
    return !turns_[static_cast<size_t>(Kind::whole)].empty() || (!uploads.empty() && uploading_ < options_.uploads_max);
}

// Both kinds take turns, too: neither waits for an end of the other.
bool Pool::pick(Peers::value_type*& peer, Kind& kind, Job& job) {
    for (const bool first : {true, false}) {
        kind = uploads_first_ == first ? Kind::upload : Kind::whole;
        if (kind == Kind::upload && uploading_ >= options_.uploads_max) continue;
        auto& turns = turns_[static_cast<size_t>(kind)];
        while (!turns.empty()) {
            peer = turns.front();
            turns.pop_front();
            auto& one = peer->second;
            one.listed[static_cast<size_t>(kind)] = false;
            if (!may_run(one, kind)) continue;  // it is listed again when something of it ends
            auto& queue = one.queues[static_cast<size_t>(kind)];
            job = std::move(queue.front());
            queue.pop_front();
            --queued_;
            ++picked_;
            ++running_;
            ++one.running;
            if (kind == Kind::upload) ++uploading_, ++one.uploading;
            list(*peer, kind);
            note_waiting_uploads();
            uploads_first_ = kind == Kind::whole;
            return true;
        }
    }
    return false;
}

void Pool::leave() {
    --idle_;
    std::erase(thread_ids_, ::gettid());
    // They have let the mutex go, and do nothing any more.
    for (auto& thread : left_) thread.join();
    left_.clear();
    const auto self = std::ranges::find(threads_, std::this_thread::get_id(), &std::thread::get_id);
    left_.splice(left_.end(), threads_, self);
}

bool Pool::add_thread() {
    try {
        threads_.emplace_back([this] { work(); });
        ++idle_;
        return true;
    } catch (const std::system_error& error) {
        base::log_warn(std::string("no thread for a request: ") + error.what());
        return false;
    }
}

void Pool::work() {
    base::Lock lock(mutex_);
    thread_ids_.push_back(::gettid());
    bool sleeps = true;  // from the beginning: it was made to be called
    while (true) {
        if (sleeps) {
            const auto is_called = [this]() REQUIRES(mutex_) { return called_ > 0 || (finishing_ && queued_ == 0); };
            while (!changed_.wait_for(mutex_, options_.idle_most, is_called))
                if (threads_.size() > options_.threads_kept) return leave();
            called_ -= std::min<size_t>(called_, 1);
            --idle_;
            sleeps = false;
        }
        Peers::value_type* peer = nullptr;
        Kind kind{};
        Job job;
        if (!pick(peer, kind, job)) {
            // While uploads wait for one of their own, what is queued is not for this thread: the one that ends sees to it.
            if (finishing_ && queued_ == 0) return;
            if (lead_ && may_lead_ && !is_led_) {
                is_led_ = true;
                lock.unlock();
                is_leading = true;
                const bool came = lead_(lead_most);
                is_leading = false;
                lock.lock();
                is_led_ = false;
                ++turns_led_;
                if (came) {
                    // One of them is for this thread.
                    if (queued_ > 1) call_for_queued(1 + running_ - uploading_);
                    continue;
                }
                nudge_standby();
                if (has_work()) continue;  // from elsewhere, and no thread could be called for it
            }
            ++idle_;
            sleeps = true;
            continue;
        }
        if (kind == Kind::upload && lead_ && !is_led_) nudge_standby();
        lock.unlock();
        const bool late =
            job.may_be_late && steady_clock::now() - job.submitted > std::chrono::seconds(options_.queue_seconds_max);
        job.work(late);
        job = {};  // what it holds goes before others may count on it
        lock.lock();
        --running_;
        --peer->second.running;
        if (kind == Kind::upload) --uploading_, --peer->second.uploading;
        list(*peer, Kind::whole);
        list(*peer, Kind::upload);
        note_waiting_uploads();
        if (peer->second.is_idle()) peers_.erase(peer->first);
        if (finishing_ && queued_ == 0) changed_.notify_all();
    }
}

PoolLoad Pool::load() const {
    const base::Lock lock(mutex_);
    return {.queued = queued_, .running = running_, .uploading = uploading_, .threads = threads_.size()};
}

void Pool::finish() {
    std::list<std::thread> threads;
    {
        const base::Lock lock(mutex_);
        call(queued_);
        finishing_ = true;
        threads.swap(threads_);
        threads.splice(threads.end(), left_);
        changed_.notify_all();
    }
    for (auto& thread : threads) thread.join();
}

}  // namespace http
