using System.Net;
using System.Net.Sockets;
using System.Reflection;
using System.Text;
using Org.BouncyCastle.Crypto;
using Org.BouncyCastle.Security;
using Org.BouncyCastle.Tls;
using Org.BouncyCastle.Tls.Crypto;
using Org.BouncyCastle.Tls.Crypto.Impl.BC;
using Qanat.Gm;
using SmSslCredential = Qanat.Tls.SmSslCredential;

namespace Qanat.Interop.Peers;

/// <summary>BouncyCastle for C#, in this process, over a socket. Always there.</summary>
internal sealed class BouncyCastlePeer : IPeer
{
    /// <inheritdoc/>
    public string Name => "bouncycastle";

    /// <inheritdoc/>
    public string? Missing => null;

    /// <inheritdoc/>
    public string Version => "BouncyCastle.Cryptography " + typeof(TlsProtocol).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion;

    private static SignatureAndHashAlgorithm Sm2SigSm3 { get; } = SignatureScheme.GetSignatureAndHashAlgorithm(SignatureScheme.sm2sig_sm3);

    /// <inheritdoc/>
    public PeerRun Start(Cell cell, int port, InteropPki pki, string folder) => new Run(cell, port, pki) { IsEcho = !cell.IsOursServer };

    private static BcDefaultTlsCredentialedSigner Credentials(TlsContext context, TlsCrypto crypto, SmSslCredential credential)
    {
        AsymmetricKeyParameter key = PrivateKeyFactory.CreateKey(Sm2Keys.WritePkcs8PrivateKey(credential.SignKey));
        CertificateEntry[] chain = [.. credential.SignChain.Select(one => new CertificateEntry(crypto.CreateCertificate(one.RawData.ToArray()), null))];
        return new BcDefaultTlsCredentialedSigner(new TlsCryptoParameters(context), (BcTlsCrypto)crypto, key, new Certificate([], chain), Sm2SigSm3);
    }

    private static int[] Groups(Cell cell) => cell.Kind switch
    {
        CellKind.Hybrid => [(int)Tls.NamedGroup.CurveSm2MlKem768],
        CellKind.Retried when cell.IsOursServer => [(int)Tls.NamedGroup.CurveSm2MlKem768, (int)Tls.NamedGroup.CurveSm2],
        _ => [(int)Tls.NamedGroup.CurveSm2],
    };

    private sealed class Run : PeerRun
    {
        private readonly TcpListener? _listener;
        private readonly TaskCompletionSource<TlsProtocol> _connected = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly Task _running;
        private readonly MemoryStream _received = new();
        private readonly Cell _cell;
        private TcpClient? _socket;
        private string _log = "";

        public Run(Cell cell, int port, InteropPki pki)
        {
            _cell = cell;
            if (!cell.IsOursServer)
            {
                _listener = new TcpListener(IPAddress.Loopback, port);
                _listener.Start();
            }
            _running = Task.Factory.StartNew(() => Serve(port, pki), TaskCreationOptions.LongRunning);
        }

        public override string Command => "(in process)";

        public override string Log => _log;

        public override async Task SendAsync(byte[] payload, CancellationToken cancellationToken)
        {
            TlsProtocol protocol = await _connected.Task.WaitAsync(cancellationToken);
            await Task.Run(() => protocol.WriteApplicationData(payload, 0, payload.Length), cancellationToken);
        }

        public override async Task<bool> HasReceivedAsync(byte[] payload, CancellationToken cancellationToken)
        {
            // Ours has closed its side by then, or never will.
            await _running.WaitAsync(cancellationToken);
            return _received.ToArray().AsSpan().SequenceEqual(payload);
        }

        public override async ValueTask DisposeAsync()
        {
            _socket?.Dispose();
            _listener?.Dispose();
            await _running;
            _received.Dispose();
        }

        private void Serve(int port, InteropPki pki)
        {
            try
            {
                _socket = _listener?.AcceptTcpClient() ?? new TcpClient("127.0.0.1", port);
                _connected.SetResult(Handshake(_socket.GetStream(), pki));
                TlsProtocol protocol = _connected.Task.Result;
                byte[] buffer = new byte[16 * 1024];
                int count;
                while ((count = protocol.ReadApplicationData(buffer, 0, buffer.Length)) > 0)
                {
                    _received.Write(buffer, 0, count);
                    if (IsEcho)
                    {
                        protocol.WriteApplicationData(buffer, 0, count);
                    }
                }
                protocol.Close();
            }
            catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException)
            {
                _log = e.Message;
                _connected.TrySetException(e);
            }
        }

        private TlsProtocol Handshake(NetworkStream stream, InteropPki pki)
        {
            if (_cell.IsOursServer)
            {
                TlsClientProtocol client = new(stream);
                client.Connect(new Client(_cell, _cell.IsMutual ? pki.Client : null));
                return client;
            }
            TlsServerProtocol server = new(stream);
            server.Accept(new Server(_cell, pki.Server));
            return server;
        }
    }

    private sealed class Client(Cell cell, SmSslCredential? credential) : DefaultTlsClient(new BcTlsCrypto(new SecureRandom()))
    {
        protected override ProtocolVersion[] GetSupportedVersions() => ProtocolVersion.TLSv13.Only();

        protected override int[] GetSupportedCipherSuites() => [(int)cell.Suite];

        protected override IList<int> GetSupportedGroups(IList<int> namedGroupRoles) => Groups(cell);

        public override IList<int> GetEarlyKeyShareGroups() => [Groups(cell)[0]];

        protected override IList<SignatureAndHashAlgorithm> GetSupportedSignatureAlgorithms() => [Sm2SigSm3];

        protected override IList<ServerName> GetSniServerNames() => [new ServerName(NameType.host_name, Encoding.ASCII.GetBytes("localhost"))];

        public override TlsAuthentication GetAuthentication() => new Authentication(this, credential);

        private sealed class Authentication(Client client, SmSslCredential? credential) : TlsAuthentication
        {
            public void NotifyServerCertificate(TlsServerCertificate serverCertificate)
            {
            }

            public TlsCredentials GetClientCredentials(CertificateRequest certificateRequest) => credential is null ? null! : Credentials(client.m_context, client.Crypto, credential);
        }
    }

    private sealed class Server(Cell cell, SmSslCredential credential) : DefaultTlsServer(new BcTlsCrypto(new SecureRandom()))
    {
        protected override ProtocolVersion[] GetSupportedVersions() => ProtocolVersion.TLSv13.Only();

        protected override int[] GetSupportedCipherSuites() => [(int)cell.Suite];

        public override int[] GetSupportedGroups() => Groups(cell);

        public override TlsCredentials GetCredentials() => Credentials(m_context, Crypto, credential);

        public override CertificateRequest GetCertificateRequest() => cell.IsMutual ? new CertificateRequest([], [Sm2SigSm3], null, null) : null!;

        public override void NotifyClientCertificate(Certificate clientCertificate)
        {
            if (clientCertificate.IsEmpty)
            {
                throw new TlsFatalAlert(AlertDescription.certificate_required);
            }
        }
    }
}
