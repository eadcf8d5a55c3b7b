using System.Net;
using Microsoft.AspNetCore.Builder;
using Psi.Client;
using Psi.Data;
using Psi.Server;

namespace Qanat.Examples.Tests.Psi;

/// <summary>A serving party on a free loopback port.</summary>
internal sealed class PsiHost : IAsyncDisposable
{
    private readonly WebApplication _app;

    private PsiHost(WebApplication app) => _app = app;

    internal Uri Address => new(_app.Urls.First().TrimEnd('/') + "/");

    internal static async Task<PsiHost> StartAsync(Records records)
    {
        PsiHost host = new(PsiServer.Build(records, new IPEndPoint(IPAddress.Loopback, 0)));
        await host._app.StartAsync();
        return host;
    }

    internal RunOptions Options(int batch = 50) => new() { Server = Address, Batch = batch };

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}
