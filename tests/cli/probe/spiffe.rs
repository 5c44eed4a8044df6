//! `-spiffe` of grpc-health-probe: certificates of the Workload API, and servers by their trust domain.

use egext_test_support::{Act, Egext, Run, TestPki, TestServer, TestSvid, TestWorkloadApi};

use crate::egext;

/// With limits that no test reaches.
fn compat(server: &TestServer, endpoint: &str) -> Egext {
    egext(["probe", "--compat", "grpc-health-probe", "-addr", &server.tls_address(), "-spiffe"])
        .args(["-connect-timeout=1h", "-rpc-timeout=1h"])
        .env("SPIFFE_ENDPOINT_SOCKET", endpoint)
}

/// The server is not asked: there is no certificate to show it.
fn without_certificate(endpoint: &str, limit: &str) -> Run {
    egext([
        "probe",
        "--compat",
        "grpc-health-probe",
        "-addr",
        "localhost:1",
        "-spiffe",
        "-rpc-timeout",
        limit,
    ])
    .env("SPIFFE_ENDPOINT_SOCKET", endpoint)
    .run()
}

fn assert_said(run: &Run, exit_code: i32, words: &str) {
    assert_eq!((run.exit_code, &*run.stdout), (exit_code, ""), "{run:?}");
    assert!(run.stderr.contains(words), "no `{words}` in {run:?}");
}

/// The same where only the limit ends it, with the words that it leaves. A busy machine can use up a short limit before an
/// answer is read, so longer ones are tried after it.
fn assert_late(endpoint: &str, words: &str) {
    for limit in ["300ms", "1s", "4s", "15s"] {
        let run = without_certificate(endpoint, limit);
        let begin = format!(
            "failed to initialize tls credentials with spiffe. error=no certificate within {limit}: "
        );
        assert_said(&run, 20, &begin);
        assert_eq!(run.stderr.lines().count(), 1, "{run:?}");
        if run.stderr.contains(words) || limit == "15s" {
            return assert_said(&run, 20, words);
        }
    }
}

/// A set whose certificates are SVIDs. The server has no other name, so that none can count.
fn workloads(client: &str, server: &str) -> TestPki {
    TestPki::new()
        .client_named(&[&format!("uri:{client}")])
        .server_with_dns_names(&[])
        .server_with_uri(server)
}

fn good() -> TestPki {
    workloads(PROBE, "spiffe://example.org/server")
}

const PROBE: &str = "spiffe://example.org/probe";

fn response(pki: &TestPki) -> Vec<u8> {
    TestSvid::response(&[TestSvid::of_client(pki, PROBE)], &[])
}

#[test]
fn the_certificate_of_the_workload_api_is_shown_and_its_bundle_verifies_the_server() {
    let pki = good();
    let (api, server) =
        (TestWorkloadApi::new([Act::Message(response(&pki))]), TestServer::mtls(&pki).spawn());
    let run = compat(&server, &api.endpoint()).arg("-v").run();
    assert_said(&run, 0, "\nstatus: SERVING\n");
    let words = "\n> tls=false\n> alts=false\n> spiffe=true\nSPIFFE Verifiable Identity Document (SVID): \
                 \"spiffe://example.org/probe\"\nestablishing connection\nconnection established (took ";
    assert_said(&run, 0, words);
    assert_eq!(server.client_certificates(), 1);
    let method = "/SpiffeWorkloadAPI/FetchX509SVID".to_owned();
    assert_eq!(api.calls(), [(method, Some("true".to_owned()))]);
}

#[test]
fn a_server_may_send_an_intermediate_and_be_for_clients() {
    for pki in [good().server_chain(), good().server_with_client_usage()] {
        let (api, server) =
            (TestWorkloadApi::new([Act::Message(response(&pki))]), TestServer::mtls(&pki).spawn());
        assert_said(&compat(&server, &api.endpoint()).run(), 0, "status: SERVING\n");
    }
}

#[test]
fn a_server_of_another_trust_domain_needs_a_bundle_of_it() {
    let (pki, other) = (good(), workloads(PROBE, "spiffe://other.example/server"));
    let server = TestServer::tls(&other).spawn();
    let bundle = TestSvid::bundle_of(&other);
    for (federated, words) in [
        (
            vec![],
            "there are no CAs for its trust domain `other.example` (probe.server-cert.unknown-issuer)\n",
        ),
        (vec![("spiffe://other.example", bundle.clone())], "status: SERVING\n"),
        (vec![("other.example", bundle.clone())], "status: SERVING\n"),
        // Its CA counts below its own name only.
        (vec![("spiffe://third.example", bundle)], "there are no CAs for its trust domain `other.example`"),
        (
            vec![("spiffe://other.example", TestSvid::bundle_of(&pki))],
            "x509: certificate signed by unknown authority",
        ),
        (vec![("spiffe://other.example", Vec::new())], "x509: certificate signed by unknown authority"),
    ] {
        let message = TestSvid::response(&[TestSvid::of_client(&pki, PROBE)], &federated);
        let api = TestWorkloadApi::new([Act::Message(message)]);
        let run = compat(&server, &api.endpoint()).run();
        assert_said(&run, if words.starts_with("status") { 0 } else { 2 }, words);
    }
}

#[test]
fn a_server_that_is_no_workload_is_rejected_at_once() {
    let pki = good();
    for (server, words) in [
        (good().server_from_namesake_ca(), "x509: certificate signed by unknown authority"),
        (good().server_expired(), "x509: certificate has expired or is not yet valid"),
        (good().server_expired(), "(probe.server-cert.expired)\n"),
        (good().server_not_yet_valid(), "(probe.server-cert.not-yet-valid)\n"),
        (good().server_is_ca(), "it is that of a CA (probe.server-cert.refused)\n"),
        (
            good().server_with_uri("spiffe://a/b"),
            "it has no SPIFFE id: the certificate has more than one URI",
        ),
        (TestPki::new(), "it has no SPIFFE id: the certificate has no URI"),
        (
            workloads(PROBE, "https://example.org/server"),
            "it has no SPIFFE id: it does not begin with `spiffe://`",
        ),
        (workloads(PROBE, "spiffe://example.org/a//b"), "it has no SPIFFE id: a path has no empty part"),
        (good().ca_expired(), "x509: certificate has expired or is not yet valid"),
    ] {
        let svid = TestSvid { bundle: TestSvid::bundle_of(&server), ..TestSvid::of_client(&pki, PROBE) };
        let api = TestWorkloadApi::new([Act::Message(TestSvid::response(&[svid], &[]))]);
        let run = compat(&TestServer::tls(&server).spawn(), &api.endpoint()).run();
        assert_said(&run, 2, "error: failed to connect service at \"localhost:");
        assert_said(&run, 2, "is not that of a workload that we trust: ");
        assert_said(&run, 2, words);
    }
}

#[test]
fn a_server_that_rejects_our_certificate_is_named() {
    let (pki, other) = (good(), good());
    let svid = TestSvid { bundle: TestSvid::bundle_of(&other), ..TestSvid::of_client(&pki, PROBE) };
    let api = TestWorkloadApi::new([Act::Message(TestSvid::response(&[svid], &[]))]);
    let server = TestServer::mtls(&other).spawn();
    assert_said(&compat(&server, &api.endpoint()).run(), 2, "(probe.client-cert.rejected)");
}

#[test]
fn of_several_identities_the_first_counts() {
    let pki = good();
    let other = workloads("spiffe://other.example/probe", "spiffe://other.example/server");
    let svids =
        [TestSvid::of_client(&pki, PROBE), TestSvid::of_client(&other, "spiffe://other.example/probe")];
    let api = TestWorkloadApi::new([Act::Message(TestSvid::response(&svids, &[]))]);
    for pki in [&pki, &other] {
        // Both bundles count.
        let server = TestServer::tls(pki).spawn();
        let run = compat(&server, &api.endpoint()).arg("-v").run();
        assert_said(&run, 0, "(SVID): \"spiffe://example.org/probe\"\n");
    }
    // Of those with the same hint only the first is read.
    let [first, second] = svids;
    let broken = TestSvid { key: vec![0], hint: "internal".to_owned(), ..second };
    let first = TestSvid { hint: "internal".to_owned(), ..first };
    let api = TestWorkloadApi::new([Act::Message(TestSvid::response(&[first, broken], &[]))]);
    let server = TestServer::mtls(&pki).spawn();
    assert_said(&compat(&server, &api.endpoint()).run(), 0, "status: SERVING\n");
}

#[test]
fn an_address_that_is_none_is_told_at_once() {
    for (endpoint, words) in [
        ("", "SPIFFE_ENDPOINT_SOCKET is not set: it names the socket of the Workload API"),
        ("/run/agent.sock", "`/run/agent.sock` is not the address of a Workload API: it must begin with"),
        ("unix:agent.sock", "it needs the absolute path of a socket"),
        ("tcp://localhost:1", "it needs an IP address and a port"),
    ] {
        let run = without_certificate(endpoint, "1h");
        assert_said(&run, 20, "failed to initialize tls credentials with spiffe. error=");
        assert_said(&run, 20, words);
        assert_eq!(run.stderr.lines().count(), 1, "{run:?}");
    }
}

#[test]
fn an_agent_that_does_not_answer_ends_with_the_rpc_timeout_and_the_last_cause() {
    let nowhere = tempfile::tempdir().expect("a temporary directory");
    let silent = TestServer::unix().hangs().spawn();
    let never = TestServer::unix().never_answers().spawn();
    let html = TestServer::unix().answers_html().spawn();
    let denied = TestWorkloadApi::new([Act::Status(7, "no identity issued")]);
    let ended = TestWorkloadApi::new([Act::Status(0, "")]);
    let socket = |server: &TestServer| format!("unix://{}", server.socket().display());
    for (endpoint, words) in [
        (
            format!("unix://{}/agent.sock", nowhere.path().display()),
            "no connection to the Workload API at `unix:/",
        ),
        (socket(&silent), "no answer from the Workload API at `unix:/"),
        (socket(&never), "no answer from the Workload API at `unix:/"),
        (socket(&html), "the Workload API answered "),
        (denied.endpoint(), "the Workload API answered PermissionDenied: no identity issued\n"),
        (ended.endpoint(), "the Workload API ended the call without an answer\n"),
    ] {
        assert_late(&endpoint, words);
    }
}

/// An agent that has just started does not know its workloads yet.
#[test]
fn an_agent_is_asked_again_until_it_answers() {
    let pki = good();
    let server = TestServer::mtls(&pki).spawn();
    let denied = vec![Act::Status(7, "no identity issued")];
    let api = TestWorkloadApi::with_calls([denied.clone(), denied, vec![Act::Message(response(&pki))]]);
    assert_said(&compat(&server, &api.endpoint()).run(), 0, "status: SERVING\n");
    assert_eq!(api.calls().len(), 3);
}

#[test]
fn an_agent_that_calls_the_request_wrong_is_not_asked_again() {
    for (code, name) in [(1, "Cancelled"), (3, "InvalidArgument")] {
        let api = TestWorkloadApi::new([Act::Status(code, "security%0aheader")]);
        let run = without_certificate(&api.endpoint(), "1h");
        assert_said(&run, 20, &format!(". error=the Workload API answered {name}: security\\u{{a}}header"));
        assert_eq!(api.calls().len(), 1);
    }
}

/// Each is followed by one that can be used, in the same call.
#[test]
fn an_answer_that_cannot_be_used_is_not_the_last() {
    let pki = good();
    let server = TestServer::mtls(&pki).spawn();
    let svid = || TestSvid::of_client(&pki, PROBE);
    let chain_of = |pki: TestPki| TestSvid::of_client(&pki, PROBE).chain;
    let named = |names: &[&str]| chain_of(TestPki::new().client_named(names));
    let ca = TestSvid::bundle_of(&pki);
    let twice = [svid().chain, svid().chain].concat();
    for (svid, words) in [
        (TestSvid { chain: Vec::new(), ..svid() }, "there is no certificate"),
        (
            TestSvid { chain: b"garbage".to_vec(), ..svid() },
            "certificate 1 cannot be read: x509: malformed certificate",
        ),
        (
            TestSvid { chain: [svid().chain, vec![0x30]].concat(), ..svid() },
            "certificate 2 cannot be read: x509: ",
        ),
        (TestSvid { chain: named(&["dns:x"]), ..svid() }, "not for a workload: the certificate has no URI"),
        (TestSvid { chain: named(&["uri:spiffe://a/b", "uri:spiffe://a/c"]), ..svid() }, "more than one URI"),
        (
            TestSvid { chain: named(&["uri:spiffe://example.org"]), ..svid() },
            "`spiffe://example.org` has no path",
        ),
        (TestSvid { chain: ca, ..svid() }, "not for a workload: the certificate has no URI"),
        (
            TestSvid { chain: twice, ..svid() },
            "certificate 2, above that of the workload, is not that of a CA",
        ),
        (TestSvid { chain: chain_of(good()), ..svid() }, "`x509_svid_key` is not the key of `x509_svid`"),
        (TestSvid { key: Vec::new(), ..svid() }, "`x509_svid_key`"),
        (TestSvid { key: vec![0x30, 0], ..svid() }, "`x509_svid_key`"),
        (TestSvid { bundle: vec![0x30, 0], ..svid() }, ", in the CAs of a trust domain"),
        (
            TestSvid { id: "Example".to_owned(), ..svid() },
            "CAs for what is not a trust domain: a trust domain has",
        ),
    ] {
        let bad = Act::Message(TestSvid::response(&[svid], &[]));
        let api = TestWorkloadApi::new([bad.clone(), Act::Message(response(&pki))]);
        assert_said(&compat(&server, &api.endpoint()).run(), 0, "status: SERVING\n");
        // An end of the call says less.
        for acts in [vec![bad.clone()], vec![bad, Act::Status(0, "")]] {
            assert_late(&TestWorkloadApi::new(acts).endpoint(), words);
        }
    }
    let empty = TestWorkloadApi::new([Act::Message(Vec::new())]);
    let words = ": the answer of the Workload API cannot be used: it has no certificate for this process\n";
    assert_late(&empty.endpoint(), words);
}

#[test]
fn an_agent_that_says_too_much_is_bounded() {
    let long = [&[0], &(4_u32 << 20 | 1).to_be_bytes()[..]].concat();
    let unusable = [&[0], &2_u32.to_be_bytes()[..], &[0x0a, 0]].concat();
    for (acts, words) in [
        (vec![Act::Octets(long)], "the Workload API answered OutOfRange"),
        (vec![Act::Octets([0xff; 5].to_vec())], "the Workload API answered "),
        (vec![Act::Message(vec![0xff; 1 << 20])], "the Workload API answered "),
        (vec![Act::Flood(vec![0; 1 << 14])], "it has no certificate for this process"),
        (vec![Act::Flood(unusable)], "there is no certificate"),
        (vec![Act::Flood(vec![0xaa; 1 << 14])], "the Workload API answered "),
    ] {
        let api = TestWorkloadApi::new(acts);
        assert_late(&api.endpoint(), words);
    }
    for octets in [&b"garbage"[..], &[0], &[0xff]] {
        let server = TestServer::unix().pours(octets).spawn();
        let endpoint = format!("unix://{}", server.socket().display());
        assert_late(&endpoint, "no connection to the Workload API at `unix:/");
    }
}
