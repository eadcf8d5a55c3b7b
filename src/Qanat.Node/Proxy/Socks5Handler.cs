using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Qanat.Node.Diagnostics;
using Qanat.Node.Naming;
using Qanat.Tunnel;

namespace Qanat.Node.Proxy;

/// <summary>SOCKS5 (RFC 1928): no authentication, CONNECT, domain names.</summary>
internal sealed class Socks5Handler(TunnelConnector connector, ILogger logger)
{
    private const byte Version = 5;
    private const byte NoAuthentication = 0;
    private const byte NoAcceptableMethod = 0xff;
    private const byte CommandConnect = 1;
    private const byte AddressDomain = 3;

    /// <summary>Reply field, RFC 1928 section 6.</summary>
    private enum Reply : byte
    {
        Succeeded = 0,
        GeneralFailure = 1,
        NotAllowed = 2,
        NetworkUnreachable = 3,
        HostUnreachable = 4,
        ConnectionRefused = 5,
        TtlExpired = 6,
        CommandNotSupported = 7,
        AddressTypeNotSupported = 8,
    }

    public async Task ServeAsync(ConnectionContext client, PhaseDeadline deadline)
    {
        PipeReader input = client.Transport.Input;
        byte[]? greeting = await ReadAsync(input, static b => b.Length < 2 ? 2 : 2 + b[1]);
        if (greeting is null)
        {
            return;
        }
        if (!greeting.AsSpan(2).Contains(NoAuthentication))
        {
            await ClientSocket.SendAsync(client, new byte[] { Version, NoAcceptableMethod });
            return;
        }
        await ClientSocket.SendAsync(client, new byte[] { Version, NoAuthentication });

        // VER CMD RSV ATYP, then 4 bytes, 1 + n bytes or 16 bytes, then the port.
        byte[]? request = await ReadAsync(input, static b => b.Length < 5 ? 5 : b[3] switch { 1 => 10, AddressDomain => 7 + b[4], 4 => 22, _ => 5 });
        if (request is null)
        {
            return;
        }
        deadline.Clear();
        Reply reply = Check(request, out QanatEndPoint? target);
        ConnectionContext? tunnel = null;
        if (reply == Reply.Succeeded)
        {
            try
            {
                tunnel = await connector.ConnectCheckedAsync(target!, client.ConnectionClosed);
            }
            catch (TunnelException e)
            {
                logger.ConnectFailed(target!.ToString(), e.Code, e.Message);
                reply = ToReply(e.Error);
            }
        }
        await ClientSocket.SendAsync(client, new byte[] { Version, (byte)reply, 0, 1, 0, 0, 0, 0, 0, 0 });
        if (tunnel is not null)
        {
            await connector.RelayAsync(client, tunnel, target!);
        }
    }

    private static Reply Check(byte[] request, out QanatEndPoint? target)
    {
        target = null;
        if (request[0] != Version || request[2] != 0)
        {
            return Reply.GeneralFailure;
        }
        if (request[1] != CommandConnect)
        {
            return Reply.CommandNotSupported;
        }
        if (request[3] != AddressDomain)
        {
            // A participant has no IP address that anyone knows.
            return request[3] is 1 or 4 ? Reply.NotAllowed : Reply.AddressTypeNotSupported;
        }
        string host = Encoding.ASCII.GetString(request, 5, request[4]);
        return QanatName.Parse(host, out target) switch
        {
            QanatNameStatus.Qanat => Reply.Succeeded,
            QanatNameStatus.NotQanat => Reply.NotAllowed,
            _ => Reply.GeneralFailure,
        };
    }

    private static Reply ToReply(TunnelError error) => error switch
    {
        TunnelError.Denied => Reply.NotAllowed,
        TunnelError.HubUnreachable or TunnelError.NotEnrolled => Reply.NetworkUnreachable,
        TunnelError.PeerOffline or TunnelError.UnknownParticipant => Reply.HostUnreachable,
        TunnelError.ServiceRefused or TunnelError.UnknownService => Reply.ConnectionRefused,
        TunnelError.ServiceTimeout or TunnelError.HandshakeTimeout => Reply.TtlExpired,
        _ => Reply.GeneralFailure,
    };

    /// <summary>Reads one message; <paramref name="needed"/> says how long it is, given what is there. At most 262 bytes by the format.</summary>
    private static async ValueTask<byte[]?> ReadAsync(PipeReader input, Func<byte[], int> needed)
    {
        while (true)
        {
            ReadResult result = await input.ReadAsync();
            byte[] seen = result.Buffer.Slice(0, Math.Min(result.Buffer.Length, 300)).ToArray();
            int length = needed(seen);
            if (seen.Length >= length)
            {
                input.AdvanceTo(result.Buffer.GetPosition(length));
                return seen[..length];
            }
            input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
            if (result.IsCompleted)
            {
                return null;
            }
        }
    }
}
