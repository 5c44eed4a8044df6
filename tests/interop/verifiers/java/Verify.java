import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.Principal;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.concurrent.CompletableFuture;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedKeyManager;

/** Judges handshakes with plain JSSE, both sides. Questions and answers are those of ../python/verify.py. */
public final class Verify {
    public static void main(String[] arguments) throws Exception {
        var questions = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = questions.readLine()) != null; ) {
            var question = line.split("\t");
            System.out.println(judge(question[0], question[1], question[2], question[3], question[4]));
        }
    }

    private static String judge(
            String server, String client, String serverTrusts, String clientTrusts, String host) throws Exception {
        var factory = context(server, serverTrusts).getServerSocketFactory();
        var loopback = InetAddress.getLoopbackAddress();
        try (var listener = (SSLServerSocket) factory.createServerSocket(0, 1, loopback)) {
            listener.setNeedClientAuth(true);
            var served = CompletableFuture.supplyAsync(() -> serve(listener));
            var asked = ask(context(client, clientTrusts), listener.getLocalPort(), host);
            var refusedByServer = served.get();
            if (asked instanceof SSLException && reason(asked) != null) {
                return "client\t" + reason(asked);
            }
            if (refusedByServer != null && reason(refusedByServer) != null) {
                return "server\t" + reason(refusedByServer);
            }
            if (asked != null) {
                throw asked;
            }
            if (refusedByServer != null) {
                throw refusedByServer;
            }
            return "accepted";
        }
    }

    /** What the server throws; null when it took the client. */
    private static IOException serve(SSLServerSocket listener) {
        try (var socket = (SSLSocket) listener.accept()) {
            socket.startHandshake();
            socket.getOutputStream().write(OCTET);
            // The client has read it before either end is gone.
            socket.getInputStream().read();
            return null;
        } catch (IOException thrown) {
            return thrown;
        }
    }

    /** What the client throws; null when it took the server and the server took it. */
    private static IOException ask(SSLContext context, int port, String host) throws IOException {
        var connection = new Socket(InetAddress.getLoopbackAddress(), port);
        // The name is what is judged; the connection is to where the listener is.
        try (var socket = (SSLSocket) context.getSocketFactory().createSocket(connection, host, port, true)) {
            var parameters = new SSLParameters();
            parameters.setEndpointIdentificationAlgorithm("HTTPS");
            socket.setSSLParameters(parameters);
            socket.startHandshake();
            // In TLS 1.3 only what the server sends shows that it took our certificate.
            if (socket.getInputStream().read() != OCTET) {
                return new IOException("the server closed the connection");
            }
            return null;
        } catch (IOException thrown) {
            return thrown;
        }
    }

    /** Why this side refused the other's certificate; null when it was not this side that did. */
    private static String reason(Throwable thrown) {
        for (var cause = thrown; cause != null; cause = cause.getCause()) {
            if (cause instanceof CertificateException) {
                return cause.getMessage().replaceAll("\\s+", " ");
            }
        }
        return null;
    }

    private static SSLContext context(String pair, String trusts) throws GeneralSecurityException, IOException {
        var chain = certificates(pair + ".crt");
        var keys = KeyStore.getInstance("PKCS12");
        keys.load(null, null);
        keys.setKeyEntry("key", key(pair + ".key", chain[0]), PASSWORD, chain);
        var keyManagers = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keyManagers.init(keys, PASSWORD);
        var keyManager = new Insistent((X509ExtendedKeyManager) keyManagers.getKeyManagers()[0]);

        var anchors = KeyStore.getInstance("PKCS12");
        anchors.load(null, null);
        for (var anchor : certificates(trusts)) {
            anchors.setCertificateEntry("ca " + anchors.size(), anchor);
        }
        var trustManagers = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trustManagers.init(anchors);

        var context = SSLContext.getInstance("TLS");
        context.init(new KeyManager[] {keyManager}, trustManagers.getTrustManagers(), null);
        return context;
    }

    private static Certificate[] certificates(String path) throws GeneralSecurityException, IOException {
        try (var file = Files.newInputStream(Path.of(path))) {
            return CertificateFactory.getInstance("X.509").generateCertificates(file).toArray(new Certificate[0]);
        }
    }

    /** Java reads PKCS#8 only, and wants to be told which kind of key it is. */
    private static PrivateKey key(String path, Certificate certificate) throws GeneralSecurityException, IOException {
        var pem = Files.readString(Path.of(path)).replaceAll("-----[A-Z ]+-----", "");
        var der = Base64.getMimeDecoder().decode(pem);
        return KeyFactory.getInstance(certificate.getPublicKey().getAlgorithm())
                .generatePrivate(new PKCS8EncodedKeySpec(der));
    }

    /** Shows its certificate also to a server that names other CAs: the server is to refuse it, not we to hide it. */
    private static final class Insistent extends X509ExtendedKeyManager {
        private final X509ExtendedKeyManager keys;

        Insistent(X509ExtendedKeyManager keys) {
            this.keys = keys;
        }

        @Override
        public String chooseClientAlias(String[] types, Principal[] issuers, Socket socket) {
            return "key";
        }

        @Override
        public String chooseServerAlias(String type, Principal[] issuers, Socket socket) {
            return keys.chooseServerAlias(type, null, socket);
        }

        @Override
        public String[] getClientAliases(String type, Principal[] issuers) {
            return keys.getClientAliases(type, null);
        }

        @Override
        public String[] getServerAliases(String type, Principal[] issuers) {
            return keys.getServerAliases(type, null);
        }

        @Override
        public X509Certificate[] getCertificateChain(String alias) {
            return keys.getCertificateChain(alias);
        }

        @Override
        public PrivateKey getPrivateKey(String alias) {
            return keys.getPrivateKey(alias);
        }
    }

    private static final int OCTET = 1;

    /** A key store in memory wants one. */
    private static final char[] PASSWORD = "in memory".toCharArray();
}
