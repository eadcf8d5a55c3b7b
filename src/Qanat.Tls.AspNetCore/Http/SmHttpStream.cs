using System.IO.Pipelines;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Qanat.Tls.AspNetCore;

/// <summary>
/// An <see cref="SmSslStream"/> that .NET's HTTP client takes for a TLS stream. The client does a handshake of its own on every stream that is no <see cref="SslStream"/>, so this is
/// one; all reading and writing goes to the SM stream. For requests of HTTP/2 the client asks for the application protocol agreed on, by a property that cannot be overridden: the base
/// class is then made to say it by a handshake with itself in memory, which carries nothing.
/// </summary>
internal sealed class SmHttpStream : SslStream
{
    private const string Nobody = "in-memory.invalid";
    private static readonly Lazy<X509Certificate2> s_certificate = new(CreateCertificate);
    private readonly SmSslStream _stream;

    private SmHttpStream(SmSslStream stream, Stream carrier) : base(carrier, leaveInnerStreamOpen: false) => _stream = stream;

    /// <summary>Wraps an authenticated stream, and disposes it when that fails.</summary>
    /// <param name="stream">The stream; owned from here on.</param>
    /// <param name="saysProtocol">Whether the client will ask for the application protocol.</param>
    public static async Task<SmHttpStream> CreateAsync(SmSslStream stream, bool saysProtocol)
    {
        Pipe there = new(), back = new();
        SmHttpStream client = new(stream, new DuplexPipeStream(new InMemoryPipe(back, there)));
        if (!saysProtocol)
        {
            return client;
        }
        try
        {
            await client.HandshakeInMemoryAsync(there, back).ConfigureAwait(false);
            return client;
        }
        catch
        {
            await client.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private async Task HandshakeInMemoryAsync(Pipe there, Pipe back)
    {
        List<SslApplicationProtocol> protocols = [_stream.NegotiatedApplicationProtocol == SslApplicationProtocol.Http2 ? SslApplicationProtocol.Http2 : SslApplicationProtocol.Http11];
        using SslStream server = new(new DuplexPipeStream(new InMemoryPipe(there, back)));
        await Task.WhenAll(
            AuthenticateAsClientAsync(new SslClientAuthenticationOptions
            {
                TargetHost = Nobody,
                ApplicationProtocols = protocols,
                RemoteCertificateValidationCallback = (_, certificate, _, _) => s_certificate.Value.Equals(certificate),
            }),
            server.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = s_certificate.Value, ApplicationProtocols = protocols }))
            .ConfigureAwait(false);
    }

    public override bool IsAuthenticated => true;

    public override SslProtocols SslProtocol => _stream.NegotiatedProtocol == SmProtocol.Tls13 ? SslProtocols.Tls13 : SslProtocols.Tls12;

    public override TlsCipherSuite NegotiatedCipherSuite => (TlsCipherSuite)_stream.NegotiatedCipherSuite;

    public override X509Certificate? RemoteCertificate => null;

    public override bool CanRead => _stream.CanRead;

    public override bool CanWrite => _stream.CanWrite;

    public override int Read(byte[] buffer, int offset, int count) => _stream.Read(buffer, offset, count);

    public override int Read(Span<byte> buffer) => _stream.Read(buffer);

    public override int ReadByte()
    {
        byte[] one = new byte[1];
        return _stream.Read(one, 0, 1) == 0 ? -1 : one[0];
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => _stream.ReadAsync(buffer, offset, count, cancellationToken);

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => _stream.ReadAsync(buffer, cancellationToken);

    public override void Write(byte[] buffer, int offset, int count) => _stream.Write(buffer, offset, count);

    public override void Write(ReadOnlySpan<byte> buffer) => _stream.Write(buffer);

    public override void WriteByte(byte value) => _stream.WriteByte(value);

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => _stream.WriteAsync(buffer, offset, count, cancellationToken);

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => _stream.WriteAsync(buffer, cancellationToken);

    public override void Flush() => _stream.Flush();

    public override Task FlushAsync(CancellationToken cancellationToken) => _stream.FlushAsync(cancellationToken);

    public override Task ShutdownAsync() => _stream.ShutdownAsync();

    public override async ValueTask DisposeAsync()
    {
        await _stream.DisposeAsync().ConfigureAwait(false);
        await base.DisposeAsync().ConfigureAwait(false);
        GC.SuppressFinalize(this);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _stream.Dispose();
        }
        base.Dispose(disposing);
    }

    // Trusted by nothing but the comparison above, and its key never leaves this process.
    private static X509Certificate2 CreateCertificate()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return new CertificateRequest($"CN={Nobody}", key, HashAlgorithmName.SHA256).CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.MaxValue);
    }

    private sealed class InMemoryPipe(Pipe input, Pipe output) : IDuplexPipe
    {
        public PipeReader Input => input.Reader;

        public PipeWriter Output => output.Writer;
    }
}
