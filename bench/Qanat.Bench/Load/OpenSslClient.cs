using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Qanat.Bench.Load;

/// <summary>
/// TLS 1.3 client straight on libssl with blocking sockets: the cheapest honest client, so that the plain HTTPS peers are not held back by the
/// load generator (SslStream builds a certificate chain for each connection). The server's certificate is verified against one trusted certificate.
/// </summary>
public sealed unsafe partial class OpenSslClient : IDisposable
{
    private const int ControlSetMinimumVersion = 123; // SSL_CTRL_SET_MIN_PROTO_VERSION
    private const int ControlSetGroups = 92; // SSL_CTRL_SET_GROUPS_LIST
    private const int Tls13 = 0x0304;
    private readonly nint _context;
    private readonly bool _resume;

    public OpenSslClient(string trustedCertificate, bool resume)
    {
        _resume = resume;
        _context = SSL_CTX_new(TLS_client_method());
        if (_context == 0 || SSL_CTX_ctrl(_context, ControlSetMinimumVersion, Tls13, 0) != 1 ||
            SSL_CTX_load_verify_locations(_context, trustedCertificate, null) != 1 ||
            SSL_CTX_set_ciphersuites(_context, "TLS_AES_128_GCM_SHA256") != 1 || !SetGroups("P-256"u8))
        {
            throw new InvalidOperationException("libssl refused the client's settings");
        }
        SSL_CTX_set_verify(_context, 1, 0);
    }

    /// <summary>One handshake, one request, one answer. <paramref name="session"/> carries the ticket from one exchange to the next.</summary>
    public void Exchange(Socket socket, byte[] request, byte[] buffer, ref nint session, Action<byte[], ReadBytes> readAnswer)
    {
        nint ssl = SSL_new(_context);
        try
        {
            if (SSL_set_fd(ssl, (int)socket.Handle) != 1 || (session != 0 && SSL_set_session(ssl, session) != 1))
            {
                throw new IOException("libssl refused the connection's settings");
            }
            if (SSL_connect(ssl) != 1)
            {
                throw new IOException("TLS handshake failed");
            }
            if (session != 0 && SSL_session_reused(ssl) != 1)
            {
                throw new IOException("the server did not resume the session");
            }
            fixed (byte* first = request)
            {
                if (SSL_write(ssl, first, request.Length) != request.Length)
                {
                    throw new IOException("TLS write failed");
                }
            }
            readAnswer(buffer, into =>
            {
                fixed (byte* first = into)
                {
                    return SSL_read(ssl, first, into.Length);
                }
            });
            if (_resume)
            {
                Forget(session);
                session = SSL_get1_session(ssl); // Tickets of TLS 1.3 come after the handshake, so only now.
            }
            _ = SSL_shutdown(ssl);
        }
        finally
        {
            SSL_free(ssl);
        }
    }

    /// <summary>Releases a session.</summary>
    public void Forget(nint session)
    {
        if (session != 0)
        {
            SSL_SESSION_free(session);
        }
    }

    public void Dispose() => SSL_CTX_free(_context);

    /// <summary>The key share of the first flight must be one that the server takes, else each handshake pays a HelloRetryRequest.</summary>
    private bool SetGroups(ReadOnlySpan<byte> groups)
    {
        fixed (byte* first = groups) // UTF-8 literals end with a zero byte behind their span.
        {
            return SSL_CTX_ctrl(_context, ControlSetGroups, 0, (nint)first) == 1;
        }
    }

    private const string Library = "libssl.so.3";

    [LibraryImport(Library)] private static partial nint TLS_client_method();
    [LibraryImport(Library)] private static partial nint SSL_CTX_new(nint method);
    [LibraryImport(Library)] private static partial void SSL_CTX_free(nint context);
    [LibraryImport(Library)] private static partial nint SSL_CTX_ctrl(nint context, int command, nint number, nint pointer);
    [LibraryImport(Library)] private static partial void SSL_CTX_set_verify(nint context, int mode, nint callback);
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)] private static partial int SSL_CTX_set_ciphersuites(nint context, string suites);
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)] private static partial int SSL_CTX_load_verify_locations(nint context, string file, string? folder);
    [LibraryImport(Library)] private static partial nint SSL_new(nint context);
    [LibraryImport(Library)] private static partial void SSL_free(nint ssl);
    [LibraryImport(Library)] private static partial int SSL_set_fd(nint ssl, int descriptor);
    [LibraryImport(Library)] private static partial int SSL_set_session(nint ssl, nint session);
    [LibraryImport(Library)] private static partial int SSL_session_reused(nint ssl);
    [LibraryImport(Library)] private static partial int SSL_connect(nint ssl);
    [LibraryImport(Library)] private static partial int SSL_write(nint ssl, byte* bytes, int length);
    [LibraryImport(Library)] private static partial int SSL_read(nint ssl, byte* bytes, int length);
    [LibraryImport(Library)] private static partial int SSL_shutdown(nint ssl);
    [LibraryImport(Library)] private static partial nint SSL_get1_session(nint ssl);
    [LibraryImport(Library)] private static partial void SSL_SESSION_free(nint session);
}
