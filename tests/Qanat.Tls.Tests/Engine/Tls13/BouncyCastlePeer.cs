using System.Text;
using Org.BouncyCastle.Crypto;
using Org.BouncyCastle.Security;
using Org.BouncyCastle.Tls;
using Org.BouncyCastle.Tls.Crypto;
using Org.BouncyCastle.Tls.Crypto.Impl.BC;
using Qanat.Gm;

namespace Qanat.Tls.Tests.Engine.Tls13;

/// <summary>BouncyCastle as the other end: a second implementation of RFC 8446 and RFC 8998 that shares no code with ours but ML-KEM.</summary>
internal static class BouncyCastlePeer
{
    public static SignatureAndHashAlgorithm Sm2SigSm3 { get; } = Org.BouncyCastle.Tls.SignatureScheme.GetSignatureAndHashAlgorithm(Org.BouncyCastle.Tls.SignatureScheme.sm2sig_sm3);

    public static TlsCredentials Credentials(TlsContext context, BcTlsCrypto crypto, SmSslCredential credential)
    {
        AsymmetricKeyParameter key = PrivateKeyFactory.CreateKey(Sm2Keys.WritePkcs8PrivateKey(credential.SignKey));
        CertificateEntry[] chain = [.. credential.SignChain.Select(one => new CertificateEntry(crypto.CreateCertificate(one.RawData.ToArray()), null))];
        return new BcDefaultTlsCredentialedSigner(new TlsCryptoParameters(context), crypto, key, new Certificate([], chain), Sm2SigSm3);
    }

    /// <summary>Lets a BouncyCastle end and one of ours talk until nothing more is to be said.</summary>
    public static void Talk(TlsProtocol theirs, EngineEnd ours)
    {
        bool isAlive = true;
        while (isAlive)
        {
            byte[] sent = ours.Drain();
            if (sent.Length > 0 && !theirs.IsClosed)
            {
                theirs.OfferInput(sent);
            }
            byte[] answer = new byte[theirs.GetAvailableOutputBytes()];
            theirs.ReadOutput(answer, 0, answer.Length);
            ours.Feed(answer);
            isAlive = answer.Length > 0 || ours.Engine.HasOutput;
        }
    }

    public static byte[] Read(TlsProtocol theirs)
    {
        byte[] data = new byte[theirs.GetAvailableInputBytes()];
        theirs.ReadInput(data, 0, data.Length);
        return data;
    }

    public sealed class Client(SmCipherSuite suite, int[] groups, int[] shares, SmSslCredential? credential, params string[] protocols)
        : DefaultTlsClient(new BcTlsCrypto(new SecureRandom()))
    {
        public Certificate? ServerCertificate { get; private set; }

        public TlsContext Context => m_context;

        public string? Protocol => m_context.SecurityParameters.ApplicationProtocol?.GetUtf8Decoding();

        public List<NewSessionTicket> Tickets { get; } = [];

        public byte[] Exported { get; private set; } = [];

        protected override ProtocolVersion[] GetSupportedVersions() => ProtocolVersion.TLSv13.Only();

        protected override int[] GetSupportedCipherSuites() => [(int)suite];

        protected override IList<int> GetSupportedGroups(IList<int> namedGroupRoles) => groups;

        public override IList<int> GetEarlyKeyShareGroups() => shares;

        protected override IList<SignatureAndHashAlgorithm> GetSupportedSignatureAlgorithms() => [Sm2SigSm3];

        protected override IList<ServerName> GetSniServerNames() => [new ServerName(NameType.host_name, Encoding.ASCII.GetBytes(Certificates.TestPki.Host))];

        protected override IList<ProtocolName> GetProtocolNames() => protocols.Length == 0 ? null! : [.. protocols.Select(ProtocolName.AsUtf8Encoding)];

        public override void NotifyNewSessionTicket(NewSessionTicket newSessionTicket) => Tickets.Add(newSessionTicket);

        public override void NotifyHandshakeComplete()
        {
            base.NotifyHandshakeComplete();
            Exported = m_context.ExportKeyingMaterial("EXPORTER-test", [1, 2], 48);
        }

        public override TlsAuthentication GetAuthentication() => new Authentication(this, credential);

        private sealed class Authentication(Client client, SmSslCredential? credential) : TlsAuthentication
        {
            public void NotifyServerCertificate(TlsServerCertificate serverCertificate) => client.ServerCertificate = serverCertificate.Certificate;

            public TlsCredentials GetClientCredentials(CertificateRequest certificateRequest) =>
                credential is null ? null! : Credentials(client.m_context, (BcTlsCrypto)client.Crypto, credential);
        }
    }

    public sealed class Server(SmCipherSuite suite, int[] groups, SmSslCredential credential, bool asksForCertificate, params string[] protocols)
        : DefaultTlsServer(new BcTlsCrypto(new SecureRandom()))
    {
        public Certificate? ClientCertificate { get; private set; }

        public TlsContext Context => m_context;

        public byte[] Exported { get; private set; } = [];

        protected override ProtocolVersion[] GetSupportedVersions() => ProtocolVersion.TLSv13.Only();

        protected override int[] GetSupportedCipherSuites() => [(int)suite];

        public override int[] GetSupportedGroups() => groups;

        protected override IList<ProtocolName> GetProtocolNames() => protocols.Length == 0 ? null! : [.. protocols.Select(ProtocolName.AsUtf8Encoding)];

        public override TlsCredentials GetCredentials() => Credentials(m_context, (BcTlsCrypto)Crypto, credential);

        public override CertificateRequest GetCertificateRequest() => asksForCertificate ? new CertificateRequest([], [Sm2SigSm3], null, null) : null!;

        public override void NotifyClientCertificate(Certificate clientCertificate) => ClientCertificate = clientCertificate;

        public override void NotifyHandshakeComplete()
        {
            base.NotifyHandshakeComplete();
            Exported = m_context.ExportKeyingMaterial("EXPORTER-test", [1, 2], 48);
        }
    }
}
