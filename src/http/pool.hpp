// The threads that run requests: a bounded number, shared out fairly among those who ask.
//
// Each peer has a queue of its own, and the queues take turns, so that one with a thousand requests waits behind its own. No peer has all
// threads; nor have uploads, which wait for their clients: whoever sends a request whole is served while others drip. A thread is made
// when there is work for it, never ahead; one that nobody needs for half a minute ends, down to a few.
//
// Where requests come from somebody has to look, too: that is to lead, and one thread does so at a time. A thread that has nothing to run
// leads; what comes of it, it runs itself, and nobody leads meanwhile: so a request costs no hand-over between threads as long as requests
// are short. Threads are woken for what else has come, as many as there are processors to run them. Whoever stands by (the front's own
// thread) leads while all others sleep, and sees every `watch` whether they are still at it: then it leads instead of them, and wakes others
// for what is queued: more each time if those who run wait for something, one now and then if they compute, because then more of them are
// no quicker; but who computes for long does not keep others waiting for as long.
//
//     sleeping ──called──▶ running ──nothing queued──▶ leading ──something came──▶ running
//         ▲                                               │
//         └────────────nothing came for `lead_most`───────┘ (who stands by leads)
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <list>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/mutex.hpp"

namespace http {

struct PoolOptions {
    size_t requests_max = 256;           // in progress; a thread each
    size_t requests_per_peer_max = 192;  // of them
    size_t uploads_max = 192;            // of them, those that wait for their client's body
    size_t uploads_per_peer_max = 128;
    size_t queue_max = 8192;  // that wait for a thread
    size_t queue_per_peer_max = 2048;
    int queue_seconds_max = 20;                   // what has waited longer is refused
    std::chrono::milliseconds idle_most{30'000};  // a thread that nobody needs for so long ends …
    size_t threads_kept = 16;                     // … down to so many
};

struct PoolLoad {
    size_t queued = 0;     // requests that wait for a thread
    size_t running = 0;    // in progress …
    size_t uploading = 0;  // … of these, those that wait for their client's body
    size_t threads = 0;
};

class Pool {
public:
    enum class Kind : uint8_t { whole, upload };
    // `late`: it has waited longer than queue_seconds_max.
    using Work = std::function<void(bool late)>;

    // Looks once for work, waiting for it at most so long, and submits what there is. False: nothing has come.
    using Lead = std::function<bool(std::chrono::milliseconds most)>;

    // Without `lead` a thread is called for everything that is submitted.
    explicit Pool(const PoolOptions& options, Lead lead = {});
    ~Pool() { finish(); }
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;

    // False: the queue is full, or there is no thread at all and none can be made. Any thread.
    [[nodiscard]] bool submit(const std::string& peer, Kind kind, Work work) EXCLUDES(mutex_);
    // What has begun goes on, whatever waits.
    [[nodiscard]] bool go_on(const std::string& peer, Work work) EXCLUDES(mutex_);
    // Leads whenever no other thread does, until end_leading(). REQUIRES: a `lead`; one thread stands by.
    void stand_by() EXCLUDES(mutex_);
    // Nobody leads again; whoever does must be woken by the caller.
    void end_leading() EXCLUDES(mutex_);
    // Runs what was submitted, then ends its threads.
    void finish() EXCLUDES(mutex_);
    [[nodiscard]] size_t queued() const { return queued_; }
    // Do uploads wait for others to end? Any thread.
    [[nodiscard]] bool uploads_wait() const { return uploads_wait_; }
    // What has waited too long for a turn that does not come has its turn, to be refused. Whoever leads asks now and then.
    void refuse_late() EXCLUDES(mutex_);
    [[nodiscard]] PoolLoad load() const EXCLUDES(mutex_);

private:
    struct Job {
        Work work;
        std::chrono::steady_clock::time_point submitted;
        bool may_be_late = true;
    };
    struct Peer {
        std::array<std::deque<Job>, 2> queues;
        std::array<bool, 2> listed{};
        size_t running = 0, uploading = 0;
        [[nodiscard]] bool is_idle() const { return running == 0 && queues[0].empty() && queues[1].empty(); }
    };
    using Peers = std::unordered_map<std::string, Peer>;

    [[nodiscard]] bool enqueue(const std::string& peer, Kind kind, Job job, bool limited) EXCLUDES(mutex_);
    // Into the turns, if something of it may run now.
    void list(Peers::value_type& peer, Kind kind) REQUIRES(mutex_);
    [[nodiscard]] bool may_run(const Peer& peer, Kind kind) const REQUIRES(mutex_);
    [[nodiscard]] bool has_work() const REQUIRES(mutex_);
    [[nodiscard]] bool pick(Peers::value_type*& peer, Kind& kind, Job& job) REQUIRES(mutex_);
    [[nodiscard]] bool add_thread() REQUIRES(mutex_);
    void work() EXCLUDES(mutex_);
    // So many sleeping threads, or new ones, are to look at the queue.
    void call(size_t threads) REQUIRES(mutex_);
    // For what a turn of leading has brought, beside so many threads that are at it.
    void call_for_queued(size_t busy) REQUIRES(mutex_);
    void nudge_standby() REQUIRES(mutex_);
    void note_waiting_uploads() REQUIRES(mutex_);
    // Of this thread, which ends: nobody called it for a while.
    void leave() REQUIRES(mutex_);
    // Do so many threads compute, or could if they had a processor, that there is none for another?
    [[nodiscard]] bool all_processors_taken() EXCLUDES(mutex_);

    static constexpr std::chrono::milliseconds watch{1}, lead_most{20}, looks_apart{10};
    static constexpr uint64_t watches_for_one_more = 10;

    const PoolOptions options_;
    const Lead lead_;
    const size_t processors_;
    mutable base::Mutex mutex_;
    base::Condition changed_, standby_;
    Peers peers_ GUARDED_BY(mutex_);
    std::array<std::list<Peers::value_type*>, 2> turns_ GUARDED_BY(mutex_);  // by kind
    bool uploads_first_ GUARDED_BY(mutex_) = false;
    std::atomic<size_t> queued_ = 0;  // changed under the mutex
    std::atomic<bool> uploads_wait_ = false;
    size_t running_ GUARDED_BY(mutex_) = 0, uploading_ GUARDED_BY(mutex_) = 0;
    size_t idle_ GUARDED_BY(mutex_) = 0;    // threads that sleep, those that have been called among them
    size_t called_ GUARDED_BY(mutex_) = 0;  // threads that have not looked at the queue since
    bool is_led_ GUARDED_BY(mutex_) = false, may_lead_ GUARDED_BY(mutex_) = true;
    bool is_overdue_ GUARDED_BY(mutex_) = false;  // who stands by need not watch first
    uint64_t turns_led_ GUARDED_BY(mutex_) = 0, picked_ GUARDED_BY(mutex_) = 0;
    bool finishing_ GUARDED_BY(mutex_) = false;
    std::list<std::thread> threads_ GUARDED_BY(mutex_);
    std::list<std::thread> left_ GUARDED_BY(mutex_);  // that have ended, or are about to
    std::vector<int> thread_ids_ GUARDED_BY(mutex_);  // as the system knows them
};

}  // namespace http
