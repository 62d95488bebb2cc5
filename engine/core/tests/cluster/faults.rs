//! Requests to Redis, its replication, and the faults of a run.

use crate::message::{Guard, News, Reply, Request};
use crate::queue::{Event, Line};
use crate::redis::Answer;
use crate::rules::{Rule, Setup};
use crate::server::{Held, Role};
use crate::world::{FAULTS_END, NODES, World};

/// Maximum wait for the replica, in milliseconds.
const WAIT_MS: u64 = 300;

impl World {
    pub(crate) fn at_redis(&mut self, event: Event) {
        match event {
            Event::Arrive { line, server, run, number, request } => {
                self.arrive(line, server, run, number, request);
            }
            Event::Restart { server } => {
                let run = self.fresh();
                let one = &mut self.servers[server];
                (one.role, one.identity) = (Role::Primary, run);
                one.data = one.durable.clone();
            }
            Event::Sync => {
                let primary = self.primary;
                let one = &mut self.servers[primary];
                if one.role == Role::Primary {
                    one.durable = one.data.clone();
                }
                self.after(200, 700, Event::Sync);
            }
            Event::Copied { from, to, write, data } => {
                let is_newer = self.servers[to].role == Role::Replica
                    && self.servers[1 - to].identity == from
                    && self.servers[to].copied < write;
                if is_newer {
                    let run = self.servers[1 - to].run;
                    let one = &mut self.servers[to];
                    (one.copied, one.data) = (write, (*data).clone());
                    self.after(0, 3, Event::Confirmed { server: 1 - to, run, write });
                }
            }
            Event::Confirmed { server, run, write } => {
                if self.servers[server].run != run {
                    return;
                }
                for (line, number, reply) in self.servers[server].confirmed(write) {
                    self.after(0, 3, Event::Reply { line, number, reply });
                }
            }
            Event::WaitOver { server, run, write } => {
                if self.servers[server].run != run {
                    return;
                }
                for (line, number, _) in self.servers[server].confirmed(write) {
                    let reply = Reply::Unconfirmed;
                    self.after(0, 3, Event::Reply { line, number, reply });
                }
            }
            Event::Promote => self.promote(),
            Event::Demote { server } => self.demote(server),
            Event::Reply { .. }
            | Event::News { .. }
            | Event::Timer { .. }
            | Event::Broken { .. }
            | Event::Connect { .. }
            | Event::Start { .. }
            | Event::Client
            | Event::Call { .. }
            | Event::Fault => unreachable!("an event of a node or a client"),
        }
    }

    fn arrive(&mut self, line: Line, server: usize, run: u64, number: u64, request: Request) {
        let one = &self.servers[server];
        if one.role == Role::Down || one.run != run {
            return;
        }
        if self.now < one.frozen_until {
            let at = one.frozen_until;
            return self.at(at, Event::Arrive { line, server, run, number, request });
        }
        // Half of the requests over a connection that was cut arrived before the cut.
        let is_cut = self.line(line.host).generation != line.generation;
        if is_cut && self.rng.bool() {
            return;
        }
        let is_primary = one.role == Role::Primary;
        if server != self.primary && is_primary {
            self.reach("a request to a primary that is replaced");
        }
        let writes = request.writes();
        if writes && !is_primary {
            return self.after(0, 3, Event::Reply { line, number, reply: Reply::ReadOnly });
        }
        let reply = self.execute(server, request);
        if !writes {
            return self.after(0, 3, Event::Reply { line, number, reply });
        }
        let waits = self.rules.waits() && !matches!(reply, Reply::Partition(_));
        let one = &mut self.servers[server];
        one.writes += 1;
        let write = one.writes;
        if self.rules.setup != Setup::Lossy {
            one.durable = one.data.clone();
        }
        let (from, data) = (one.identity, Box::new(one.data.clone()));
        if waits {
            one.held.push(Held { write, answer: (line, number, reply) });
            self.at(self.now + WAIT_MS, Event::WaitOver { server, run, write });
        } else {
            self.after(0, 3, Event::Reply { line, number, reply });
        }
        if self.rules.setup.has_replica() && self.servers[server].linked {
            self.after(1, 6, Event::Copied { from, to: 1 - server, write, data });
        }
    }

    fn execute(&mut self, server: usize, request: Request) -> Reply {
        let (rules, fresh) = (self.rules, self.fresh());
        let one = &mut self.servers[server];
        let place = one.place(rules);
        let is_unopened = one.identity != one.data.place.server;
        let guard = Guard { place, sequence: one.data.sequence, lost: one.data.lost };
        if is_unopened && !matches!(request, Request::Open) {
            self.reach("a request to a server that nobody has opened");
        }
        let one = &mut self.servers[server];
        match request {
            Request::Open => {
                if one.data.open(one.identity, fresh) {
                    self.reach("an epoch");
                }
                Reply::Partition(self.servers[server].data.clone().into())
            }
            Request::Read(user) => Reply::Account(one.data.accounts[user].clone(), guard),
            Request::Commit(unit, known) => {
                let is_known = known == place || !rules.has(Rule::Epoch);
                let answer = one.data.commit(&unit, is_known, rules);
                if let Answer::Recorded { sequence, .. } = answer {
                    let epoch = one.data.place.epoch;
                    self.publish(server, News { epoch, sequence, user: unit.user });
                }
                Reply::Committed(answer)
            }
            Request::Sequence => Reply::Sequence(guard),
            Request::Beat => Reply::Written,
            Request::Report => {
                one.data.lost = true;
                Reply::Written
            }
        }
    }

    fn publish(&mut self, server: usize, news: News) {
        let run = self.servers[server].run;
        for host in 0..NODES {
            if self.hosts[host].connection != Some((server, run)) {
                continue;
            }
            let line = self.line(host);
            if self.rng.u8(0..10) == 0 {
                self.reach("news that were lost");
                continue;
            }
            for _ in 0..=usize::from(self.rng.u8(0..20) == 0) {
                let time = self.hosts[host].news_at.max(self.now + self.rng.u64(0..15));
                self.hosts[host].news_at = time;
                self.at(time, Event::News { line, news });
            }
        }
    }

    pub(crate) fn fault(&mut self) {
        if self.now >= FAULTS_END {
            return;
        }
        self.after(100, 900, Event::Fault);
        let host = self.rng.usize(0..NODES);
        match (self.rng.u8(0..6), self.rules.setup) {
            (0 | 1, _) => self.cut(host),
            (2, _) => self.sleep(host),
            // Nodes are not killed in the setups that lose commits, because the node that knows of
            // a loss has to report it.
            (3, Setup::Alone | Setup::Replicated) => self.kill(host),
            (_, Setup::Replicated | Setup::Unconfirmed) => self.fail_over(),
            (_, Setup::Alone | Setup::Lossy) => self.crash(),
        }
    }

    /// Makes a node sleep, or in a quarter of the cases all nodes, because their machine was
    /// paused. Without confirmations it is half of the cases, so that two fail-overs pass unseen.
    fn sleep(&mut self, host: usize) {
        let quarters = if self.rules.setup == Setup::Unconfirmed { 2 } else { 1 };
        let all = self.rng.u8(0..4) < quarters;
        let asleep_until = (self.now + self.rng.u64(50..4_000)).min(FAULTS_END);
        for (index, asleep) in self.hosts.iter_mut().enumerate() {
            if all || index == host {
                asleep.asleep_until = asleep_until;
            }
        }
        self.reach("a node that slept");
    }

    fn cut(&mut self, host: usize) {
        self.hosts[host].connection = None;
        self.hosts[host].generation += 1;
        let line = self.line(host);
        self.after(0, 30, Event::Broken { line });
    }

    fn kill(&mut self, host: usize) {
        if self.hosts[host].node.take().is_none() {
            return;
        }
        self.reach("a node that died");
        self.hosts[host].life += 1;
        self.hosts[host].connection = None;
        self.hosts[host].generation += 1;
        self.after(50, 500, Event::Start { host });
    }

    fn crash(&mut self) {
        if self.servers[0].role == Role::Down {
            return;
        }
        self.reach("a Redis that died");
        let run = self.fresh();
        let one = &mut self.servers[0];
        (one.role, one.run) = (Role::Down, run);
        one.held.clear();
        for host in 0..NODES {
            if self.hosts[host].connection.is_some() {
                self.cut(host);
            }
        }
        self.after(20, 300, Event::Restart { server: 0 });
    }

    /// Begins a fail-over: the primary stops copying to its replica, and the replica replaces it
    /// later.
    fn fail_over(&mut self) {
        if std::mem::replace(&mut self.failing_over, true) {
            return;
        }
        let primary = self.primary;
        self.servers[primary].linked = false;
        if self.rng.bool() {
            self.servers[primary].frozen_until = self.now + self.rng.u64(100..2_000);
        }
        self.after(600, 1_000, Event::Promote);
    }

    fn promote(&mut self) {
        let (old, new) = (self.primary, 1 - self.primary);
        self.primary = new;
        let identity = self.fresh();
        let writes = self.servers[old].writes;
        let one = &mut self.servers[new];
        (one.role, one.identity, one.linked) = (Role::Primary, identity, false);
        one.writes = one.writes.max(writes) + 1;
        one.durable = one.data.clone();
        self.reach("a fail-over");
        self.after(0, 600, Event::Demote { server: old });
    }

    /// Makes the old primary the replica of the new one, with the new primary's data.
    fn demote(&mut self, server: usize) {
        let identity = self.fresh();
        let (data, writes) =
            (self.servers[1 - server].data.clone(), self.servers[1 - server].writes);
        let one = &mut self.servers[server];
        (one.role, one.identity, one.copied) = (Role::Replica, identity, writes);
        (one.data, one.durable) = (data.clone(), data);
        let held = std::mem::take(&mut one.held);
        for Held { answer: (line, number, _), .. } in held {
            self.after(0, 3, Event::Reply { line, number, reply: Reply::Unconfirmed });
        }
        self.servers[1 - server].linked = true;
        self.failing_over = false;
    }
}
