using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Qanat.Node.Diagnostics;
using Qanat.Node.Http;
using Qanat.Node.Naming;
using Qanat.Tunnel;

namespace Qanat.Node.Proxy;

/// <summary>HTTP CONNECT as the first request of a client connection.</summary>
internal sealed class ConnectHandler(TunnelConnector connector, int headMaxBytes, ILogger logger)
{
    private static readonly byte[] s_established = "HTTP/1.1 200 Connection established\r\n\r\n"u8.ToArray();

    public async Task ServeAsync(ConnectionContext client, PhaseDeadline deadline)
    {
        ConnectRequest request = new();
        NodeProblem? problem = await ReadHeadAsync(client.Transport.Input, request);
        if (problem is null && request.Authority.Length == 0)
        {
            return;
        }
        deadline.Clear();
        QanatEndPoint? target = null;
        problem ??= QanatName.Parse(request.Authority, out target) switch
        {
            QanatNameStatus.Qanat => null,
            QanatNameStatus.NotQanat => NodeProblem.NotQanat(request.Authority),
            _ => NodeProblem.Malformed("The CONNECT target is not HOST:PORT."),
        };
        ConnectionContext? tunnel = null;
        if (problem is null)
        {
            try
            {
                tunnel = await connector.ConnectCheckedAsync(target!, client.ConnectionClosed);
            }
            catch (TunnelException e)
            {
                problem = NodeProblem.From(e, atTarget: false);
                logger.ConnectFailed(target!.ToString(), problem.Code, e.Message);
            }
        }
        PipeWriter output = client.Transport.Output;
        if (problem is not null)
        {
            await output.WriteAsync(Answer(problem));
            await output.CompleteAsync();
            return;
        }
        await ClientSocket.SendAsync(client, s_established);
        await connector.RelayAsync(client, tunnel!, target!);
    }

    private async Task<NodeProblem?> ReadHeadAsync(PipeReader input, ConnectRequest request)
    {
        long read = 0;
        while (true)
        {
            ReadResult result = await input.ReadAsync();
            ReadOnlySequence<byte> buffer = result.Buffer;
            bool complete;
            try
            {
                complete = request.TryParse(ref buffer);
            }
            catch (BadHttpRequestException e)
            {
                input.AdvanceTo(result.Buffer.End);
                return NodeProblem.Malformed(e.Message);
            }
            if (complete)
            {
                input.AdvanceTo(buffer.Start);
                return request.Fault is null ? null : NodeProblem.Malformed(request.Fault);
            }
            read += result.Buffer.Length - buffer.Length;
            bool tooLong = read + buffer.Length > headMaxBytes;
            input.AdvanceTo(buffer.Start, result.Buffer.End);
            if (tooLong)
            {
                return NodeProblem.Malformed("The CONNECT request is too long.") with { Status = 431 };
            }
            if (result.IsCompleted)
            {
                return NodeProblem.Malformed("The CONNECT request is cut off.");
            }
        }
    }

    private static byte[] Answer(NodeProblem problem)
    {
        byte[] body = problem.ToJson();
        string head = string.Create(CultureInfo.InvariantCulture, $"HTTP/1.1 {problem.Status} {problem.Code}\r\nContent-Type: application/problem+json\r\nContent-Length: {body.Length}\r\nProxy-Status: {problem.ProxyStatus}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n");
        return [.. Encoding.ASCII.GetBytes(head), .. body];
    }
}
