use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use egext::pki::SET_FILES;

use super::Place;

#[test]
fn a_kill_at_any_moment_leaves_a_whole_set() {
    let place = Place::new();
    let started = Instant::now();
    place.init(&[]).assert().success();
    let one_run = started.elapsed();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut reads = 0_usize;
            while !done.load(Ordering::Relaxed) {
                place.assert_whole_while_written();
                reads += 1;
            }
            reads
        });
        for number in 0..KILLS {
            let mut run = place.spawn(&["--force"]);
            let moment = Instant::now() + one_run * number / KILLS;
            while Instant::now() < moment {
                std::hint::spin_loop();
            }
            // It may have ended before: then there is nothing to kill, and the set must be whole all the same.
            let _ = run.kill();
            run.wait().expect("it ends");
            place.assert_whole();
        }
        done.store(true, Ordering::Relaxed);
        assert!(reader.join().expect("every set was whole") > 0);
    });
    place.init(&["--force"]).assert().success();
    assert_eq!(place.sets(), 2, "what the killed runs have left is swept");
}

#[test]
fn a_first_run_that_is_killed_leaves_nothing_or_a_whole_set() {
    let started = Instant::now();
    Place::new().init(&[]).assert().success();
    let one_run = started.elapsed();
    for number in 0..KILLS {
        let place = Place::new();
        let mut run = place.spawn(&[]);
        let moment = Instant::now() + one_run * number / KILLS;
        while Instant::now() < moment {
            std::hint::spin_loop();
        }
        let _ = run.kill();
        run.wait().expect("it ends");
        let present = SET_FILES.iter().filter(|name| place.certs().join(name).exists()).count();
        assert!(present == 0 || present == SET_FILES.len(), "{present} of {} files", SET_FILES.len());
        place.init(&[]).assert().success();
        place.assert_whole();
        assert_eq!(place.sets(), 1);
    }
}

/// How many runs are killed, each a little later than the one before.
const KILLS: u32 = 40;
