using Qanat.Tls;
using Qanat.Tls.Engine;
using Qanat.Tls.Engine.Tls13;
using Qanat.Tls.Records;

namespace Qanat.Bench.SmTls;

/// <summary>Joins a client's and a server's engine in memory, on one thread, and runs handshakes.</summary>
internal sealed class EngineLink(SmSslClientAuthenticationOptions client, SmSslServerAuthenticationOptions server)
{
    private readonly SmSslClientAuthenticationOptions _client = client.Snapshot();
    private readonly SmSslServerAuthenticationOptions _server = server.Snapshot();
    private readonly byte[] _wire = new byte[64 * 1024];

    /// <summary>One handshake with new engines at both ends, tickets included.</summary>
    /// <param name="mustResume">True when the session of an earlier handshake is to be resumed.</param>
    public void Handshake(bool mustResume = false)
    {
        bool isTlcp = _client.Protocol == SmProtocol.Tlcp;
        using TlsEngine client = isTlcp ? new TlcpClientEngine(_client) : new Tls13ClientEngine(_client);
        using TlsEngine server = isTlcp ? new TlcpServerEngine(_server) : new Tls13ServerEngine(_server);
        client.Start();
        server.Start();
        while (Move(client, server) | Move(server, client))
        {
        }
        if (!client.IsHandshakeComplete || !server.IsHandshakeComplete || client.IsResumed != mustResume)
        {
            throw new InvalidOperationException($"The handshake did not do as it should: {client.Failure?.Message ?? server.Failure?.Message ?? (mustResume ? "not resumed" : "not complete")}");
        }
    }

    private bool Move(TlsEngine from, TlsEngine to)
    {
        bool any = false;
        for (ReadOnlyMemory<byte> output = from.Output; !output.IsEmpty; output = from.Output)
        {
            any = true;
            output.Span.CopyTo(_wire);
            Span<byte> rest = _wire.AsSpan(0, output.Length);
            from.ConsumeOutput(output.Length);
            while (!rest.IsEmpty)
            {
                if (RecordHeader.TryRead(rest, to.MaxFragmentLength, out RecordHeader header, out _) != TlsReadStatus.Complete)
                {
                    throw new InvalidOperationException("An engine sent half a record.");
                }
                to.Receive(header, rest.Slice(RecordHeader.Size, header.Length), out _);
                rest = rest[(RecordHeader.Size + header.Length)..];
            }
        }
        return any;
    }
}
