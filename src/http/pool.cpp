#include "http/pool.hpp"

#include <algorithm>
#include <system_error>

#include "base/log.hpp"

namespace http {

using std::chrono::steady_clock;

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
    // Who waits idle may have been woken for what is queued already.
    const bool more = queued_ >= idle_ && threads_.size() < options_.requests_max;
    if (full || finishing_ || (more && !add_thread() && threads_.empty())) {
        if (one.is_idle()) peers_.erase(name);
        return false;
    }
    one.queues[static_cast<size_t>(kind)].push_back(std::move(job));
    ++queued_;
    list(of_peer, kind);
    changed_.notify_one();
    return true;
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
            ++running_;
            ++one.running;
            if (kind == Kind::upload) ++uploading_, ++one.uploading;
            list(*peer, kind);
            uploads_first_ = kind == Kind::whole;
            return true;
        }
    }
    return false;
}

bool Pool::add_thread() {
    try {
        threads_.emplace_back([this] { work(); });
        return true;
    } catch (const std::system_error& error) {
        base::log_warn(std::string("no thread for a request: ") + error.what());
        return false;
    }
}

void Pool::work() {
    base::Lock lock(mutex_);
    while (true) {
        Peers::value_type* peer = nullptr;
        Kind kind{};
        Job job;
        if (!pick(peer, kind, job)) {
            // While uploads wait for one of their own, what is queued is not for this thread: the one that ends sees to it.
            if (finishing_ && queued_ == 0) return;
            ++idle_;
            changed_.wait(mutex_);
            --idle_;
            continue;
        }
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
        if (peer->second.is_idle()) peers_.erase(peer->first);
        if (finishing_ && queued_ == 0) changed_.notify_all();
    }
}

PoolLoad Pool::load() const {
    const base::Lock lock(mutex_);
    return {.queued = queued_, .running = running_, .uploading = uploading_, .threads = threads_.size()};
}

void Pool::finish() {
    std::vector<std::thread> threads;
    {
        const base::Lock lock(mutex_);
        finishing_ = true;
        threads.swap(threads_);
        changed_.notify_all();
    }
    for (auto& thread : threads) thread.join();
}

}  // namespace http
