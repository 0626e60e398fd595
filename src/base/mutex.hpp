// Mutexes that the compiler checks: what a mutex guards says so, and clang refuses code that touches it without the lock
// (-Wthread-safety, an error here). https://clang.llvm.org/docs/ThreadSafetyAnalysis.html
//
//     base::Mutex mutex_;
//     std::map<…> jobs_ GUARDED_BY(mutex_);
//     void forget(const std::string& id) REQUIRES(mutex_);     // its callers hold the lock
//     void stop() EXCLUDES(mutex_);                            // its callers do not
//
//     const base::Lock lock(mutex_);                           // until the end of the block
//     changed_.wait(mutex_, [this]() REQUIRES(mutex_) { return jobs_.empty(); });
//
// The analysis does not follow locks that are moved or returned: those few are std::unique_lock or std::shared_lock of these types,
// and what they guard is said in words.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <shared_mutex>

#if defined(__clang__)
#define THREAD_SAFETY(attribute) __attribute__((attribute))
#else
#define THREAD_SAFETY(attribute)
#endif
#undef GUARDED_BY  // abseil has an older one of the same meaning
#define GUARDED_BY(mutex) THREAD_SAFETY(guarded_by(mutex))
#define POINTEE_GUARDED_BY(mutex) THREAD_SAFETY(pt_guarded_by(mutex))
#define REQUIRES(...) THREAD_SAFETY(requires_capability(__VA_ARGS__))
#define REQUIRES_SHARED(...) THREAD_SAFETY(requires_shared_capability(__VA_ARGS__))
#define EXCLUDES(...) THREAD_SAFETY(locks_excluded(__VA_ARGS__))
#define ACQUIRES(...) THREAD_SAFETY(acquire_capability(__VA_ARGS__))
#define ACQUIRES_SHARED(...) THREAD_SAFETY(acquire_shared_capability(__VA_ARGS__))
#define RELEASES(...) THREAD_SAFETY(release_capability(__VA_ARGS__))
#define RELEASES_ANY(...) THREAD_SAFETY(release_generic_capability(__VA_ARGS__))
#define RETURNS_MUTEX(mutex) THREAD_SAFETY(lock_returned(mutex))
// With a reason beside it, always.
#define NOT_CHECKED THREAD_SAFETY(no_thread_safety_analysis)

namespace base {

class THREAD_SAFETY(capability("mutex")) Mutex {
public:
    void lock() ACQUIRES() { mutex_.lock(); }
    void unlock() RELEASES() { mutex_.unlock(); }
    bool try_lock() THREAD_SAFETY(try_acquire_capability(true)) { return mutex_.try_lock(); }

private:
    friend class Condition;
    std::mutex mutex_;
};

// Many may read at once.
class THREAD_SAFETY(capability("mutex")) SharedMutex {
public:
    void lock() ACQUIRES() { mutex_.lock(); }
    void unlock() RELEASES() { mutex_.unlock(); }
    void lock_shared() ACQUIRES_SHARED() { mutex_.lock_shared(); }
    void unlock_shared() THREAD_SAFETY(release_shared_capability()) { mutex_.unlock_shared(); }
    bool try_lock() THREAD_SAFETY(try_acquire_capability(true)) { return mutex_.try_lock(); }
    bool try_lock_shared() THREAD_SAFETY(try_acquire_shared_capability(true)) { return mutex_.try_lock_shared(); }

private:
    std::shared_mutex mutex_;
};

// Holds a mutex from here to the end of the block; may be given back before and taken again.
template <class M = Mutex>
class THREAD_SAFETY(scoped_lockable) Lock {
public:
    explicit Lock(M& mutex) ACQUIRES(mutex) : mutex_(mutex) { mutex_.lock(); }
    // Of a mutex that is held already.
    Lock(M& mutex, std::adopt_lock_t) REQUIRES(mutex) : mutex_(mutex) {}
    ~Lock() RELEASES() {
        if (held_) mutex_.unlock();
    }
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;
    void unlock() RELEASES() {
        mutex_.unlock();
        held_ = false;
    }
    void lock() ACQUIRES() {
        mutex_.lock();
        held_ = true;
    }

private:
    M& mutex_;
    bool held_ = true;
};
template <class M>
Lock(M&) -> Lock<M>;
template <class M>
Lock(M&, std::adopt_lock_t) -> Lock<M>;

class THREAD_SAFETY(scoped_lockable) SharedLock {
public:
    explicit SharedLock(SharedMutex& mutex) ACQUIRES_SHARED(mutex) : mutex_(mutex) { mutex_.lock_shared(); }
    ~SharedLock() RELEASES_ANY() { mutex_.unlock_shared(); }
    SharedLock(const SharedLock&) = delete;
    SharedLock& operator=(const SharedLock&) = delete;

private:
    SharedMutex& mutex_;
};

// Waits give the mutex back meanwhile. Without a predicate they may return early.
class Condition {
public:
    void notify_one() { condition_.notify_one(); }
    void notify_all() { condition_.notify_all(); }

    void wait(Mutex& mutex) REQUIRES(mutex) {
        const Adopted lock(mutex);
        condition_.wait(lock.lock);
    }
    template <class Predicate>
    void wait(Mutex& mutex, Predicate predicate) REQUIRES(mutex) {
        while (!ask(predicate)) wait(mutex);
    }
    // False: the time is over and the predicate does not hold.
    template <class Clock, class Duration, class Predicate>
    bool wait_until(Mutex& mutex, std::chrono::time_point<Clock, Duration> until, Predicate predicate) REQUIRES(mutex) {
        const Adopted lock(mutex);
        while (!ask(predicate))
            if (condition_.wait_until(lock.lock, until) == std::cv_status::timeout) return ask(predicate);
        return true;
    }
    template <class Rep, class Period, class Predicate>
    bool wait_for(Mutex& mutex, std::chrono::duration<Rep, Period> time, Predicate predicate) REQUIRES(mutex) {
        return wait_until(mutex, std::chrono::steady_clock::now() + time, std::move(predicate));
    }

private:
    // The mutex is held when it comes and when it goes.
    struct Adopted {
        explicit Adopted(Mutex& mutex) : lock(mutex.mutex_, std::adopt_lock) {}
        ~Adopted() { lock.release(); }
        Adopted(const Adopted&) = delete;
        Adopted& operator=(const Adopted&) = delete;
        mutable std::unique_lock<std::mutex> lock;
    };
    // The analysis cannot know that the predicate's mutex is the one that wait() was given.
    template <class Predicate>
    static bool ask(Predicate& predicate) NOT_CHECKED {
        return predicate();
    }

    std::condition_variable condition_;
};

}  // namespace base
