using Org.BouncyCastle.Crypto;
using Org.BouncyCastle.Security;
using Org.BouncyCastle.Tls;
using Org.BouncyCastle.Tls.Crypto;
using Org.BouncyCastle.Tls.Crypto.Impl.BC;
using Qanat.Gm;
using Qanat.Tls;
using SignatureScheme = Org.BouncyCastle.Tls.SignatureScheme;

namespace Qanat.Bench.SmTls;

/// <summary>BouncyCastle's TLS 1.3 client and server with TLS_SM4_GCM_SM3, joined in memory. Its client verifies the server's chain, as ours does.</summary>
internal sealed class BouncyCastleTls : IDisposable
{
    public const string Name = "BouncyCastle 2.7.0";

    private static readonly SignatureAndHashAlgorithm s_sm2SigSm3 = SignatureScheme.GetSignatureAndHashAlgorithm(SignatureScheme.sm2sig_sm3);

    private readonly TlsClientProtocol _client = new();
    private readonly TlsServerProtocol _server = new();
    private readonly byte[] _wire = new byte[64 * 1024];

    /// <summary>Does a handshake.</summary>
    public BouncyCastleTls(bool isMutual, int group = NamedGroupCurveSm2)
    {
        _server.Accept(new Server(isMutual, group));
        _client.Connect(new Client(isMutual, group));
        while (Move(_client, _server) | Move(_server, _client))
        {
        }
        if (_client.IsClosed || _server.IsClosed || !_client.IsConnected || !_server.IsConnected)
        {
            throw new InvalidOperationException("BouncyCastle's handshake failed.");
        }
    }

    public const int NamedGroupCurveSm2 = 41, NamedGroupHybrid = 4590;

    /// <summary>Sends application data from the client to the server.</summary>
    public void Send(byte[] data, byte[] received)
    {
        _client.WriteApplicationData(data, 0, data.Length);
        Move(_client, _server);
        if (_server.ReadInput(received, 0, received.Length) != data.Length)
        {
            throw new InvalidOperationException("BouncyCastle lost data.");
        }
    }

    public void Dispose()
    {
        _client.Close();
        _server.Close();
    }

    private bool Move(TlsProtocol from, TlsProtocol to)
    {
        bool any = false;
        for (int length = from.ReadOutput(_wire, 0, _wire.Length); length > 0; length = from.ReadOutput(_wire, 0, _wire.Length))
        {
            to.OfferInput(_wire, 0, length);
            any = true;
        }
        return any;
    }

    private static BcDefaultTlsCredentialedSigner Credentials(TlsContext context, BcTlsCrypto crypto, SmSslCredential credential)
    {
        AsymmetricKeyParameter key = PrivateKeyFactory.CreateKey(Sm2Keys.WritePkcs8PrivateKey(credential.SignKey));
        CertificateEntry[] chain = [.. credential.SignChain.Select(one => new CertificateEntry(crypto.CreateCertificate(one.RawData.ToArray()), null))];
        return new BcDefaultTlsCredentialedSigner(new TlsCryptoParameters(context), crypto, key, new Certificate([], chain), s_sm2SigSm3);
    }

    private static void Verify(Certificate shown)
    {
        // Each certificate under the key of the next, the last under the root's: what a path validation computes, without its rules.
        for (int i = 0; i < shown.Length; i++)
        {
            Org.BouncyCastle.X509.X509Certificate certificate = new(shown.GetCertificateAt(i).GetEncoded());
            certificate.Verify(i + 1 < shown.Length ? new Org.BouncyCastle.X509.X509Certificate(shown.GetCertificateAt(i + 1).GetEncoded()).GetPublicKey() : TlsWorld.RootKey);
        }
    }

    private sealed class Client(bool isMutual, int group) : DefaultTlsClient(new BcTlsCrypto(new SecureRandom()))
    {
        protected override ProtocolVersion[] GetSupportedVersions() => ProtocolVersion.TLSv13.Only();

        protected override int[] GetSupportedCipherSuites() => [CipherSuite.TLS_SM4_GCM_SM3];

        protected override IList<int> GetSupportedGroups(IList<int> namedGroupRoles) => [group];

        public override IList<int> GetEarlyKeyShareGroups() => [group];

        protected override IList<SignatureAndHashAlgorithm> GetSupportedSignatureAlgorithms() => [s_sm2SigSm3];

        public override TlsAuthentication GetAuthentication() => new Authentication(this, isMutual);

        private sealed class Authentication(Client client, bool isMutual) : TlsAuthentication
        {
            public void NotifyServerCertificate(TlsServerCertificate serverCertificate) => Verify(serverCertificate.Certificate);

            public TlsCredentials GetClientCredentials(CertificateRequest certificateRequest) =>
                isMutual ? Credentials(client.m_context, (BcTlsCrypto)client.Crypto, TlsWorld.Client) : null!;
        }
    }

    private sealed class Server(bool isMutual, int group) : DefaultTlsServer(new BcTlsCrypto(new SecureRandom()))
    {
        protected override ProtocolVersion[] GetSupportedVersions() => ProtocolVersion.TLSv13.Only();

        protected override int[] GetSupportedCipherSuites() => [CipherSuite.TLS_SM4_GCM_SM3];

        public override int[] GetSupportedGroups() => [group];

        public override TlsCredentials GetCredentials() => Credentials(m_context, (BcTlsCrypto)Crypto, TlsWorld.Server);

        public override CertificateRequest GetCertificateRequest() => isMutual ? new CertificateRequest([], [s_sm2SigSm3], null, null) : null!;

        public override void NotifyClientCertificate(Certificate clientCertificate) => Verify(clientCertificate);
    }
}
